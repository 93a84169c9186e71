//! Tells the tests whether the folder with the real hands is named, so that those that need it
//! show as ignored, with the reason, where it is not.

fn main() {
    println!("cargo::rerun-if-env-changed=PROJECTIONS_HANDS_DIR");
    println!("cargo::rustc-check-cfg=cfg(real_hands)");
    if std::env::var_os("PROJECTIONS_HANDS_DIR").is_some_and(|folder| !folder.is_empty()) {
        println!("cargo::rustc-cfg=real_hands");
    }
}

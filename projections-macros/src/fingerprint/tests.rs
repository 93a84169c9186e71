#![allow(clippy::unwrap_used)]
use super::*;

fn hash(text: &str) -> u64 {
    of(&text.parse::<TokenStream>().unwrap(), &["handles"])
}

#[test]
fn what_changes_no_read_model_changes_no_hash() {
    for (a, b) in [
        ("fn f() { a ( b ) }", "fn f(){a(b)}"),
        ("fn f() { /* why */ a(b) // this\n }", "fn f() { a(b) }"),
        ("/// Docs.\n fn f() { a }", "fn f() { a }"),
        ("#[doc = \"Docs.\"] fn f() { //! inner\n a }", "fn f() { a }"),
        ("#[allow(unused)] fn f() { #![warn(dead_code)] a }", "fn f() { a }"),
        ("fn f() { #[expect(unused)] let a = 1; }", "fn f() { let a = 1; }"),
        ("#[cfg_attr(test, allow(unused), doc = \"\")] fn f() {}", "fn f() {}"),
        ("fn f(a: A, b: B,) { g(a, b,); [1, 2,] }", "fn f(a: A, b: B) { g(a, b); [1, 2] }"),
        ("fn f() { Some(a,) }", "fn f() { Some(a) }"),
        ("fn f() { g::<A<B>,>(a,) }", "fn f() { g::<A<B>>(a) }"),
        ("fn f<T,>(a: T,) where T: A, {}", "fn f<T>(a: T) where T: A {}"),
        ("fn f() { println!(a,) }", "fn f() { println!(a) }"),
        ("fn f() -> A<B<C> > {}", "fn f() -> A<B<C>> {}"),
        ("fn f() { match a { A => { b } B => c } }", "fn f() { match a { A => b, B => c, } }"),
        (
            "fn f() { match a { A => { b; c }, B => {} } }",
            "fn f() { match a { A => { b; c } B => {} } }",
        ),
        ("fn f() { (a, b,) }", "fn f() { (a, b) }"),
        ("fn f() { a(|b, c,| d) }", "fn f() { a(|b, c| d) }"),
        ("fn f() { a(|b| { b.c(|| d) }) }", "fn f() { a(|b| b.c(|| d)) }"),
        ("fn f() { a(move || { if b { c } }, d); }", "fn f() { a(move || if b { c }, d); }"),
        ("fn f() { a = |b| { c! { d } }; }", "fn f() { a = |b| c! { d }; }"),
        ("fn f() { match a { A => { b! { c } } } }", "fn f() { match a { A => b! { c } } }"),
        ("fn f() { match a { A => |b| { c } } }", "fn f() { match a { A => { |b| c } } }"),
    ] {
        assert_eq!(hash(a), hash(b), "{a}\n{b}");
    }
}

#[test]
fn any_other_token_changes_the_hash() {
    for (a, b) in [
        ("fn f() { a + 1 }", "fn f() { a + 2 }"),
        ("fn f() { a + 1 }", "fn f() { a - 1 }"),
        ("fn f() { a }", "fn g() { a }"),
        ("fn f() { a }", "fn f() { a; }"),
        ("fn f() { \"a\" }", "fn f() { a }"),
        ("fn f() { (a,) }", "fn f() { (a) }"),
        ("fn f(a: (A,)) {}", "fn f(a: (A)) {}"),
        ("fn f(a: (A<B, C>,)) {}", "fn f(a: (A<B, C>)) {}"),
        ("fn f() { return (a,) }", "fn f() { return (a) }"),
        ("fn f() { a > (b,) }", "fn f() { a > (b) }"),
        ("fn f() { let (a,) = b; }", "fn f() { let (a) = b; }"),
        ("fn f() { g((a,)) }", "fn f() { g((a)) }"),
        ("fn f() { a && b }", "fn f() { a & &b }"),
        ("fn f() { a || b | c }", "fn f() { a | |b| c }"),
        ("fn f() { { a } }", "fn f() { a }"),
        ("fn f() { match a { A => { b; } } }", "fn f() { match a { A => b } }"),
        ("fn f() { m! { A => { b } } }", "fn f() { m! { A => b } }"),
        ("#[cfg(test)] fn f() {}", "fn f() {}"),
        ("#[inline] fn f() {}", "fn f() {}"),
        ("#[cfg_attr(test, allow(a), inline)] fn f() {}", "fn f() {}"),
        ("fn f(a: &A) {}", "fn f(a: A) {}"),
        ("fn f(a: &'a (A,)) {}", "fn f(a: &'a (A)) {}"),
        ("fn f() { a(|b| { c; }) }", "fn f() { a(|b| c) }"),
        ("fn f() { a(|b| { c + d } * e) }", "fn f() { a(|b| c + d * e) }"),
        ("fn f() { a(|b| unsafe { c }) }", "fn f() { a(|b| { c }) }"),
        ("fn f() { a | { b } }", "fn f() { a | b }"),
        ("fn f() { a(b, |c| d) }", "fn f() { a(b |c| d) }"),
        ("fn f() { m!(|b| { c }) }", "fn f() { m!(|b| c) }"),
        ("fn f() { match a { #![cfg(b)] A => c } }", "fn f() { match a { A => c } }"),
        ("fn f() { match a { A => { #[cfg(b)] c } } }", "fn f() { match a { A => c } }"),
    ] {
        assert_ne!(hash(a), hash(b), "{a}\n{b}");
    }
}

/// `macro_rules!` puts what it was given into groups that nobody sees.
#[test]
fn invisible_groups_do_not_count() {
    let a: TokenStream = "1 + 2".parse().unwrap();
    let group = TokenTree::Group(Group::new(Delimiter::None, a.clone()));
    let arm = |a: &dyn ToTokens| quote!(fn f() { match b { C => { g(#a) } D => [#a] } });
    assert_eq!(of(&arm(&group), &[""; 0]), of(&arm(&a), &[""; 0]));
}

#[test]
fn facts_count() {
    let item: TokenStream = "fn f() {}".parse().unwrap();
    assert_ne!(of(&item, &["setup"]), of(&item, &["reset"]));
}

/// Another value here is another algorithm: raise `Fingerprint::ALGORITHM` with it.
#[test]
fn the_algorithm_is_pinned() {
    let item = "fn f(&self, a: &A) -> Result<(), E> { match a.b { Some((c,)) if c && d => { self.e(|f, g,| { h(f, g,) }, \'x\') } _ => Ok(()) } }";
    assert_eq!(hash(item), 8_310_403_697_208_233_059);
}

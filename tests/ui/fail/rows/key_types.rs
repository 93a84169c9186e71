//! Some types cannot be keys, whatever they are called.
use projections::{ReadModel, Rows};

#[derive(Default, ReadModel)]
struct Float {
    #[key]
    score: f64,
}

#[derive(Default, ReadModel)]
struct Optional {
    #[key]
    team: std::option::Option<String>,
}

#[derive(Default, ReadModel)]
struct Json {
    #[key]
    #[column(json)]
    badges: Vec<String>,
    #[key]
    #[column(default)]
    added: i64,
}

type Score = f64;

#[derive(Default, ReadModel)]
struct HiddenFloat {
    #[key]
    score: Score,
}

#[derive(Default, ReadModel)]
struct HiddenFloatOfTwo {
    #[key]
    player: String,
    #[key]
    score: Score,
}

type Team = Option<String>;

#[derive(Default, ReadModel)]
struct HiddenOption {
    #[key]
    player: String,
    #[key]
    team: Team,
}

#[derive(Clone, Default)]
struct Player;

#[derive(Default, ReadModel)]
struct NoColumn {
    #[key]
    player: Player,
}

#[derive(Default, ReadModel)]
struct NoColumnOfTwo {
    #[key]
    player: Player,
    #[key]
    league: String,
}

fn uses(
    floats: &mut Rows<Float>,
    optionals: &mut Rows<Optional>,
    hidden: &mut Rows<HiddenFloat>,
    hiddens: &mut Rows<HiddenFloatOfTwo>,
) {
    floats.get_mut(&Default::default());
    hidden.get_mut(&Default::default());
    hiddens.get_mut(&Default::default());
    optionals.entry("Ada").team = None;
}

fn main() {}

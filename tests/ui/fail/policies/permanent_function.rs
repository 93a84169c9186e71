use projections::{Event, handlers, projector};

#[derive(Event, serde::Deserialize)]
#[event(domain = "hand")]
struct HandStarted;

#[derive(Event, serde::Deserialize)]
#[event(domain = "hand")]
struct HandEnded;

#[derive(Event, serde::Deserialize)]
#[event(domain = "hand")]
struct PotAwarded;

#[derive(Event, serde::Deserialize)]
#[event(domain = "hand")]
struct PotSplit;

#[derive(Event, serde::Deserialize)]
#[event(domain = "hand")]
struct SeatTaken;

#[derive(Event, serde::Deserialize)]
#[event(domain = "hand")]
struct SeatLeft;

fn of_another(_: &std::io::Error) -> bool {
    true
}

fn in_numbers(_: &std::fmt::Error) -> u8 {
    1
}

async fn later(_: &std::fmt::Error) -> bool {
    true
}

fn with_attempts(_: &std::fmt::Error, _attempts: u32) -> bool {
    true
}

fn by_value(_: std::fmt::Error) -> bool {
    true
}

#[projector("hand-history")]
struct HandHistory;

#[handlers]
impl HandHistory {
    #[handles(HandStarted, permanent = of_another)]
    fn started(&self, _event: &HandStarted) -> std::fmt::Result {
        Ok(())
    }

    #[handles(HandEnded, permanent = self::in_numbers)]
    async fn ended(&self, _event: &HandEnded) -> std::fmt::Result {
        Ok(())
    }

    #[handles(PotAwarded, permanent = later)]
    fn awarded(&self, _event: &PotAwarded) -> Result<u64, std::fmt::Error> {
        Ok(1)
    }

    #[handles(PotSplit, permanent = with_attempts)]
    fn split(&self, _event: &PotSplit) -> std::fmt::Result {
        Ok(())
    }

    #[handles(SeatTaken, permanent = by_value)]
    fn taken(&self, _event: &SeatTaken) -> std::fmt::Result {
        Ok(())
    }

    #[handles(SeatLeft, permanent = is_permanent)]
    fn left(&self, _event: &SeatLeft) -> std::fmt::Result {
        Ok(())
    }
}

fn main() {}

//! Ten joins and leaves a minute on the real server: after each of them everybody who is there is in one group.
//!
//! `./x test` runs the first half minute of it; `./x long members churn` runs five minutes, with another seed each time. `CONCLAVE_SEED` repeats a run.

use std::time::Duration;

use conclave_bots::{Bot, BotError, BotOptions, Kind, server::TestServer};
use tokio::time::{Instant, sleep_until};

type Outcome = Result<(), BotError>;

/// Five minutes of ten joins and leaves.
const LONG_STEPS: usize = 50;
/// Half a minute of them.
const SHORT_STEPS: usize = 5;
/// Ten a minute.
const APART: Duration = Duration::from_secs(6);
/// Who stays; two, so that leavers can be removed by somebody while the other joins in.
const STAY: [&str; 2] = ["Ada", "Bo"];
/// At most so many beside them: pairs of slots for all, so that everybody's picture is shown.
const GUESTS: usize = 5;
/// Until all are in the epoch that a join or a leave made: a commit, its way, and as many safety numbers as there are members, each of
/// which takes a third of a second on purpose.
const ONE_GROUP: Duration = Duration::from_secs(15);
/// Frames that show that a newcomer is seen.
const ENOUGH: u64 = 5;

/// A small generator, so that a printed seed repeats the same steps. Not for secrets.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound.max(1)).unwrap_or(1)).unwrap_or(0)
    }
}

async fn converge(stay: &[Bot], guests: &[Bot]) -> Outcome {
    let all: Vec<&Bot> = stay.iter().chain(guests).collect();
    let names: Vec<&str> = all.iter().map(|bot| bot.name()).collect();
    Bot::all_see(&all, &names).await?;
    // The numbers are read one after another, and an epoch may begin between two of them.
    let deadline = Instant::now() + ONE_GROUP;
    loop {
        let mut numbers = Vec::new();
        for bot in &all {
            numbers.push(bot.safety_number().await?);
        }
        if numbers.windows(2).all(|two| two[0] == two[1]) {
            break;
        }
        assert!(Instant::now() < deadline, "members are in two groups");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn churn_of_ten_joins_and_leaves_a_minute_converges_each_time() -> Outcome {
    let steps = if std::env::var_os("CONCLAVE_LONG").is_some() {
        LONG_STEPS
    } else {
        SHORT_STEPS
    };
    let given = std::env::var("CONCLAVE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or(getrandom::u64().map_err(|_| BotError::Randomness)?) | 1;
    #[expect(clippy::print_stdout, reason = "the seed of a run, so that it can be repeated")]
    {
        println!("seed {seed}: CONCLAVE_SEED={seed} repeats these steps");
    }
    let mut dice = Dice(seed);
    let server = TestServer::start(None).await;
    let link = server.url(&server.room("churn").await);
    let stay = Bot::join_in_turn(&link, &STAY).await?;
    let mut guests: Vec<Bot> = Vec::new();
    let start = Instant::now();
    for step in 0..steps {
        let leaves = !guests.is_empty() && (guests.len() >= GUESTS || dice.below(2) == 0);
        if leaves {
            let guest = guests.swap_remove(dice.below(guests.len()));
            guest.leave().await?;
        } else {
            guests.push(Bot::join(&link, &format!("guest {step}"), BotOptions::default())?);
        }
        converge(&stay, &guests).await?;
        if let (false, Some(guest)) = (leaves, guests.last()) {
            stay.first()
                .unwrap_or_else(|| unreachable!("two stay"))
                .receives(guest.name(), Kind::Camera, ENOUGH)
                .await?;
        }
        let next = start + APART * u32::try_from(step + 1).unwrap_or(u32::MAX);
        sleep_until(next).await;
    }
    server.stop().await;
    Ok(())
}

//! The tasks of the server, watched: the first one to end, for whatever reason, ends all.

use std::future::Future;

use tokio::{task::JoinSet, time};

use crate::{ending::End, error::Error, limits};

/// The tasks without which the server is not a server.
pub(crate) struct Tasks {
    set: JoinSet<(&'static str, Result<(), Error>)>,
    end: End,
}

impl Tasks {
    /// No tasks yet; `end` is what will end them.
    pub(crate) fn new(end: End) -> Self {
        Self {
            set: JoinSet::new(),
            end,
        }
    }

    /// Starts one. It must return soon after the end is signalled.
    pub(crate) fn spawn(&mut self, what: &'static str, task: impl Future<Output = Result<(), Error>> + Send + 'static) {
        let task = tokio::spawn(task);
        // A task that panicked is a bug of ours; its name is all that can be said about it.
        self.set
            .spawn(async move { (what, task.await.unwrap_or(Err(Error::TaskFailed(what)))) });
    }

    /// Waits for the signal, or for the first task to end: then all end. A server with a dead part must not look alive.
    pub(crate) async fn watch(mut self, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
        let mut result = tokio::select! {
            () = shutdown => Ok(()),
            ended = self.set.join_next() => Err(match ended {
                Some(Ok((_, Err(error)))) => error,
                Some(Ok((what, Ok(())))) => Error::TaskFailed(what),
                Some(Err(_)) | None => Error::TaskFailed("watching"),
            }),
        };
        self.end.now();
        let finish = async {
            while let Some(ended) = self.set.join_next().await {
                if let (Ok((_, Err(error))), Ok(())) = (ended, &result) {
                    result = Err(error);
                }
            }
        };
        if time::timeout(limits::SHUTDOWN_DEADLINE, finish).await.is_err() {
            return Err(Error::TaskFailed("shutdown"));
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;
    use crate::ending::{self, Ending};

    fn tasks() -> (Tasks, Ending) {
        let (end, ending) = ending::channel();
        (Tasks::new(end), ending)
    }

    #[tokio::test]
    async fn a_panicking_task_ends_the_others_and_the_server_says_which_it_was() {
        let (mut tasks, mut ending) = tasks();
        tasks.spawn("steady", async move {
            ending.reached().await;
            Ok(())
        });
        tasks.spawn("broken", async { panic!("on purpose") });
        assert!(matches!(tasks.watch(pending()).await, Err(Error::TaskFailed("broken"))));
    }

    #[tokio::test]
    async fn a_task_that_ends_too_early_is_a_failure_and_after_the_signal_it_is_not() {
        let (mut tasks, _) = self::tasks();
        tasks.spawn("early", async { Ok(()) });
        assert!(matches!(tasks.watch(pending()).await, Err(Error::TaskFailed("early"))));

        let (mut tasks, mut ending) = self::tasks();
        tasks.spawn("steady", async move {
            ending.reached().await;
            Ok(())
        });
        assert!(tasks.watch(async {}).await.is_ok());
    }
}

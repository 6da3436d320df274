use super::*;

fn crew() -> SupervisedServices {
    SupervisedServices {
        tasks: JoinSet::new(),
        shutdown: Shutdown::default(),
        credentials: Vec::new(),
        gateway: None,
        console: None,
    }
}

fn until_asked(crew: &mut SupervisedServices, role: ServiceRole) {
    let soft = crew.shutdown.soft.clone();
    crew.spawn(role, async move {
        soft.cancelled().await;
        Ok::<_, std::io::Error>(())
    });
}

#[tokio::test]
async fn a_shutdown_that_everybody_follows_is_clean() {
    let mut crew = crew();
    until_asked(&mut crew, ServiceRole::Gateway);
    until_asked(&mut crew, ServiceRole::Mapper);
    crew.shutdown.soft.cancel();
    assert_eq!(crew.run_until_stopped(std::future::pending()).await.unwrap(), ProcessEnding::Clean);
}

#[tokio::test]
async fn a_service_that_fails_or_panics_ends_the_others_and_is_named() {
    let mut failing = crew();
    until_asked(&mut failing, ServiceRole::Gateway);
    failing.spawn(ServiceRole::Writer, async { Err(std::io::Error::other("disk full")) });
    let error = failing.run_until_stopped(std::future::pending()).await.unwrap_err();
    assert_eq!(format!("{error:#}"), "the writer failed: disk full");

    let mut panicking = crew();
    until_asked(&mut panicking, ServiceRole::Gateway);
    panicking
        .spawn(ServiceRole::Mapper, async { if true { panic!("oh") } else { Ok::<_, std::io::Error>(()) } });
    let error = panicking.run_until_stopped(std::future::pending()).await.unwrap_err();
    assert!(format!("{error:#}").contains("a service panicked"), "{error:#}");

    let mut leaving = crew();
    leaving.spawn(ServiceRole::Mapper, async { Ok::<_, std::io::Error>(()) });
    let error = leaving.run_until_stopped(std::future::pending()).await.unwrap_err();
    assert!(error.to_string().contains("the mapper ended without being asked"), "{error:#}");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_does_not_drain_is_ended_at_the_deadline_or_by_a_second_signal() {
    let mut slow = crew();
    slow.spawn(ServiceRole::Writer, std::future::pending::<std::io::Result<()>>());
    slow.shutdown.soft.cancel();
    let ending = slow.run_until_stopped(std::future::pending()).await.unwrap();
    assert_eq!(ending, ProcessEnding::DeadlinePassed);

    let mut slow = crew();
    slow.spawn(ServiceRole::Writer, std::future::pending::<std::io::Result<()>>());
    slow.shutdown.soft.cancel();
    slow.shutdown.hard.cancel();
    let ending = slow.run_until_stopped(std::future::pending()).await.unwrap();
    assert_eq!(ending, ProcessEnding::SecondSignal);
}

#[tokio::test]
async fn trouble_elsewhere_drains_the_services() {
    let mut crew = crew();
    until_asked(&mut crew, ServiceRole::Console);
    let error = crew.run_until_stopped(async { anyhow!("no broker") }).await.unwrap_err();
    assert_eq!(error.to_string(), "no broker");
}

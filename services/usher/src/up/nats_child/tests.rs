use super::*;

fn settings(folder: &tempfile::TempDir) -> NatsSettings {
    NatsSettings { folder: folder.path().canonicalize().unwrap(), token: "t0ken".into() }
}

async fn running(state: &mut watch::Receiver<NatsState>, other_than: u32) -> u32 {
    let running = |state: &NatsState| matches!(state, NatsState::Running(pid) if *pid != other_than);
    let state = tokio::time::timeout(Duration::from_secs(20), state.wait_for(running)).await;
    match &*state.expect("it runs in time").unwrap() {
        NatsState::Running(pid) => *pid,
        other => panic!("{other:?}"),
    }
}

fn is_alive(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn delays_grow_to_a_cap_and_the_first_is_short() {
    assert!(restart_delay(1) < DELAY_FIRST * 2); // with its jitter
    for failures in 1..40 {
        assert!(restart_delay(failures) <= DELAY_MAX);
    }
    assert!(restart_delay(FAILURES_MAX) > DELAY_MAX / 4);
}

#[tokio::test]
async fn a_killed_server_comes_back_on_the_same_port_and_stops_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = NatsChild::start(&settings(&folder)).unwrap();
    let url = child.url();
    let mut state = child.state();
    let first = running(&mut state, 0).await;
    kill(Pid::from_raw(first as i32), Signal::SIGKILL).unwrap();
    let second = running(&mut state, first).await;
    assert_eq!(child.url(), url);
    tokio::task::spawn_blocking(move || child.stop()).await.unwrap();
    assert_eq!(*state.borrow(), NatsState::Stopped);
    assert!(!is_alive(first) && !is_alive(second));
}

#[tokio::test]
async fn a_server_left_behind_is_ended_before_a_new_one_starts() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&folder);
    server_config::write_config(
        &settings,
        ChildPorts { client: free_port().unwrap(), monitor: free_port().unwrap() },
    )
    .unwrap();
    let mut left = Command::new(binary::find_binary().unwrap())
        .arg("--config")
        .arg(server_config::config_path(&settings.folder))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    orphan::remember_process(&settings.folder, left.id()).unwrap();
    let reaper = std::thread::spawn(move || left.wait().unwrap());
    let child = tokio::task::spawn_blocking(move || NatsChild::start(&settings)).await.unwrap().unwrap();
    reaper.join().expect("the old one ended");
    drop(child);
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(&folder);
    std::fs::write(folder.path().join("jetstream"), "in the way").unwrap();
    settings.token = "t\"oken".into(); // breaks the configuration file
    let error = NatsChild::start(&settings).unwrap_err();
    assert!(format!("{error:#}").contains("nats-server did not start"), "{error:#}");
}

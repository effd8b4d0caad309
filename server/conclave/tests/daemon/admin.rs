//! The operator's door: who may open it, and what can be asked there.

use std::{
    io::{Read, Write},
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::UnixStream,
        process::CommandExt,
    },
    process::Command,
};

use conclave::{
    Error, Server,
    admin::{Refusal, Reply, Request, record_from_text, record_text},
};
use conclave_protocol::{message::ServerMessage, room::Limits};

use crate::harness::{Client, End, Folder, Running, config, new_room};

fn mode(path: &std::path::Path) -> u32 {
    std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn the_folder_and_all_in_it_are_the_operators_alone() {
    let server = Running::start().await;
    let folder = server.data_dir().to_owned();
    assert_eq!(mode(&folder), 0o700);
    let socket = folder.join("admin.sock");
    assert!(std::fs::metadata(&socket).expect("it is there").file_type().is_socket());
    for file in ["admin.sock", "rooms.sqlite", "lock"] {
        assert_eq!(mode(&folder.join(file)), 0o600, "{file}");
    }
    let folder = server.stop().await;
    assert!(!socket.exists(), "the socket goes with the server");
    let left: Vec<_> = std::fs::read_dir(&folder.0)
        .expect("a folder")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    assert!(
        left.iter().all(|name| name == "rooms.sqlite" || name == "lock"),
        "{left:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_folder_is_refused_and_a_second_server_too() {
    conclave::logging::guard::install();
    let open = Folder::new();
    std::fs::create_dir(&open.0).expect("a folder");
    std::fs::set_permissions(&open.0, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    assert!(matches!(
        Server::bind(config(&open.0)).await.err(),
        Some(Error::DataDirOpen(_))
    ));

    let server = Running::start().await;
    let second = Server::bind(config(server.data_dir())).await.err();
    assert!(matches!(second, Some(Error::DataDirBusy(_))));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_left_by_a_killed_server_is_in_nobodys_way() {
    let folder = Folder::new();
    std::fs::create_dir(&folder.0).expect("a folder");
    std::fs::set_permissions(&folder.0, std::fs::Permissions::from_mode(0o700)).expect("a mode");
    drop(std::os::unix::net::UnixListener::bind(folder.0.join("admin.sock")).expect("a socket"));
    let server = Running::start_in(folder, None).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_are_made_listed_shown_and_deleted_by_number() {
    let server = Running::start().await;
    let (first, room) = server.room().await;
    let (second, _) = server.room().await;
    assert_eq!((first, second), (1, 2));

    let Reply::Rooms { rooms } = server.admin(Request::RoomList {}).await else {
        panic!("not a list")
    };
    assert_eq!(rooms.iter().map(|room| room.number).collect::<Vec<_>>(), [1, 2]);
    let Reply::Room { record, .. } = server.admin(Request::RoomShow { number: 1 }).await else {
        panic!("not a room")
    };
    assert!(
        record_from_text(&record).is_some_and(|kept| kept == room.record),
        "the record came back as it went in"
    );

    let again = server
        .try_admin(Request::RoomCreate {
            record: record_text(&room.record),
        })
        .await;
    assert!(matches!(again, Err(Error::Refused(Refusal::RoomExists))));
    let garbage = server
        .try_admin(Request::RoomCreate {
            record: "AAAA".to_owned(),
        })
        .await;
    assert!(matches!(garbage, Err(Error::Refused(Refusal::BadRecord))));

    server.admin(Request::RoomDelete { number: 1 }).await;
    for request in [Request::RoomShow { number: 1 }, Request::RoomDelete { number: 1 }] {
        assert!(matches!(
            server.try_admin(request).await,
            Err(Error::Refused(Refusal::NoSuchRoom))
        ));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_room_leaves_no_byte_on_the_disk() {
    let server = Running::start().await;
    let (number, room) = server.room().await;
    let sheet = room.record.sheet.get(1_000..1_064).expect("a sheet").to_vec();
    let on_disk = |folder: &std::path::Path| {
        let file = std::fs::read(folder.join("rooms.sqlite")).expect("a database");
        file.windows(sheet.len()).any(|window| window == sheet)
            || file.windows(16).any(|window| window == room.record.room_id.as_bytes())
    };
    assert!(on_disk(server.data_dir()), "the search finds what is there");
    server.admin(Request::RoomDelete { number }).await;
    assert!(!on_disk(server.data_dir()), "the search finds what was deleted");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_on_the_admin_socket_is_refused() {
    let server = Running::start().await;
    let path = server.data_dir().join("admin.sock");
    for line in [
        "\n".to_owned(),
        "{}\n".to_owned(),
        "{\"request\":\"people\"}\n".to_owned(),
        "{\"request\":\"room_list\",\"more\":1}\n".to_owned(),
        format!("{}\n", "x".repeat(100_000)),
    ] {
        let path = path.clone();
        let answer = tokio::task::spawn_blocking(move || {
            let mut stream = UnixStream::connect(path).expect("the socket is open");
            let _ = stream.write_all(line.as_bytes());
            let mut answer = String::new();
            let _ = stream.read_to_string(&mut answer);
            answer
        });
        let answer = answer.await.expect("no panic");
        // After a line over the limit the system may reset the connection before the answer is read.
        assert!(
            answer.is_empty() || answer == "{\"reply\":\"refused\",\"reason\":\"bad_request\"}\n",
            "{answer}"
        );
    }
    assert!(matches!(server.admin(Request::RoomList {}).await, Reply::Rooms { .. }));
    server.stop().await;
}

/// The modes of folder and socket are loosened, as an operator might do by mistake; the user behind the connection is
/// still looked at. Becoming another user takes root, as it is in CI; otherwise only the own user's side is checked.
#[tokio::test(flavor = "multi_thread")]
async fn another_user_is_refused_even_if_the_modes_were_loosened() {
    let server = Running::start().await;
    let folder = server.data_dir().to_owned();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    std::fs::set_permissions(folder.join("admin.sock"), std::fs::Permissions::from_mode(0o666)).expect("a mode");

    // A copy, because the build folder may be closed to other users.
    let binary = std::env::temp_dir().join(format!("conclave-copy-{}", std::process::id()));
    std::fs::copy(env!("CARGO_BIN_EXE_conclave"), &binary).expect("a copy");
    std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    let list = |as_other: bool| {
        let mut command = Command::new(&binary);
        command.args(["room", "list", "--json", "--data-dir"]).arg(&folder);
        if as_other {
            command.uid(65_534).gid(65_534);
        }
        command.output().expect("it runs")
    };
    let (own, other) =
        tokio::task::block_in_place(|| (list(false), rustix::process::geteuid().is_root().then(|| list(true))));
    std::fs::remove_file(&binary).expect("the copy goes");
    assert!(own.status.success());
    if let Some(other) = other {
        assert_eq!(other.status.code(), Some(5));
        let words = String::from_utf8_lossy(&other.stderr).into_owned();
        assert!(
            words.contains("error: this user may not use the admin socket"),
            "{words}"
        );
        assert!(other.stdout.is_empty());
    }
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).expect("a mode");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_for_another_server_is_kept_but_opens_for_nobody() {
    // The record is opaque to the store: a squatted or misdirected one does no harm, because its id and keys hold the
    // other server's name.
    let server = Running::start().await;
    let elsewhere = conclave::config::parse_name("elsewhere.example").expect("a name");
    let room = new_room(&elsewhere, 20_000, 65_000);
    server
        .admin(Request::RoomCreate {
            record: record_text(&room.record),
        })
        .await;
    let mut client = Client::connect(&server).await;
    client
        .prove(&server.name, room.record.room_id, &room.guest_link.link_secret)
        .await;
    assert_eq!(client.rest().await.1, End::Code(4_001));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_room_ends_its_call_and_answers_like_one_that_does_not_exist() {
    let server = Running::start().await;
    let (number, room) = server.room().await;
    let mut inside = Client::admitted(&server, &room).await;
    server.admin(Request::RoomClose { number }).await;
    assert_eq!(
        inside.rest().await.1,
        End::Code(4_011),
        "whoever was in it is told that it is over"
    );

    let elsewhere = new_room(&server.name, 20_000, 65_000);
    let mut answers = Vec::new();
    for room in [&room, &elsewhere] {
        let mut client = Client::connect(&server).await;
        client
            .prove(&server.name, room.record.room_id, &room.guest_link.link_secret)
            .await;
        answers.push(client.rest().await);
    }
    assert!(answers.first() == answers.last(), "a closed and an unknown room differ");
    assert!(answers.iter().all(|(_, end)| *end == End::Code(4_001)));

    server.admin(Request::RoomOpen { number }).await;
    let mut back = Client::admitted(&server, &room).await;
    assert!(back.is_served(1).await);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_limit_holds_and_is_announced() {
    let server = Running::start().await;
    let (number, room) = server.room().await;
    let mut first = Client::admitted(&server, &room).await;
    let mut second = Client::admitted(&server, &room).await;
    server
        .admin(Request::RoomLimits {
            number,
            members: Some(2),
            seats: None,
            calls: None,
        })
        .await;
    assert!(
        first.is_served(1).await && second.is_served(1).await,
        "whoever was in stays"
    );
    let mut third = Client::connect(&server).await;
    third
        .prove(&server.name, room.record.room_id, &room.guest_link.link_secret)
        .await;
    assert_eq!(third.rest().await.1, End::Code(4_007), "the room is full");
    drop(first);
    // Its place is free as soon as the server has noticed; the announced limits are those that hold.
    let mut admitted = false;
    for _ in 0..100 {
        let mut client = Client::connect(&server).await;
        client
            .prove(&server.name, room.record.room_id, &room.guest_link.link_secret)
            .await;
        if let Ok(ServerMessage::Admitted { limits, .. }) = client.next().await {
            let holds = Limits {
                members: 2,
                ..room.record.limits
            };
            assert_eq!(limits, holds);
            admitted = true;
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(admitted, "the place of the one who left is free");
    let zero = server
        .try_admin(Request::RoomLimits {
            number,
            members: Some(0),
            seats: None,
            calls: None,
        })
        .await;
    assert!(matches!(zero, Err(Error::Refused(Refusal::BadRequest))));
    server.stop().await;
}

//! Clients of the JSON door who mean harm, and a driver that does, seen through it. Each has a
//! service of its own with an attacked backend and a neighbour. What is no request is in
//! `requests`.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use super::attacks;
use crate::support::{Client, Desk, Ground, Service, attack_share, compiled, component, share};

/// What a service may need beyond what it has when it begins, in bytes.
const MORE: u64 = 128 * 1024 * 1024;

/// A policy for what the hostile driver is asked here.
const POLICY: &str = "schema = 1\ndriver = \"hostile\"\n";

/// Does this to a service, and looks that it is as good as before.
pub async fn at(act: fn(&Service) -> Vec<String>) -> Vec<String> {
    let work = move || {
        let ground = Ground::new();
        ground.write("home.policy.toml", &ground.directory_policy());
        ground.write("hostile.policy.toml", POLICY);
        let hostile = Desk::text(&ground, "hostile", &component("abaca-guest-hostile"));
        let home = format!(
            "\n[limits]\nwall_seconds = 10\ncpu_seconds = 1\n\n[backends.home]\ndriver = {:?}\n\
             policy = \"home.policy.toml\"\napproved = false\n[backends.home.options]\n\
             driver_handles_share_servers = false\ndirectory_export_root = {:?}\n",
            component("abaca-driver-directory"),
            ground.shares(),
        );
        let mut configuration = hostile + &home;
        if let Some(cache) = compiled() {
            let first = "schema = 1\n";
            configuration = configuration.replace(first, &format!("{first}cache = {cache:?}\n"));
        }
        let service = Service::start(&ground, &Desk::with(&ground, &configuration), &[]);
        lives(&service);
        let (memory, descriptors) = (service.memory(), descriptors(&service));
        let told = act(&service);
        lives(&service);
        crate::support::patiently(|| (descriptors >= self::descriptors(&service)).then_some(()));
        assert!(service.memory() < memory + MORE, "{memory} became {}", service.memory());
        assert_eq!(service.stop(), Some(0));
        told
    };
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// The neighbour's share, through the door.
fn lives(service: &Service) {
    let mut client = crate::support::patiently(|| {
        let mut client = service.client();
        client.line(r#"{"jsonrpc":"2.0","id":1,"method":"list_backends"}"#);
        (client.receive()["id"] == 1).then_some(client)
    });
    let one = share("neighbour", 1);
    client.ok("create_share", &json!({ "backend": "home", "share": one }));
    let shares = client.ok("list_shares", &json!({ "backend": "home" }));
    let made =
        shares.as_array().unwrap().iter().find(|made| made["share"]["id"] == one.id.as_str());
    client.ok("delete_share", &json!({ "backend": "home", "share": made.unwrap()["share"] }));
}

fn descriptors(service: &Service) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", service.child.id())).unwrap().count()
}

/// What the service says to each line.
pub fn says(service: &Service, lines: &[&[u8]]) -> Vec<String> {
    let mut client = service.client();
    lines.iter().map(|line| client.says(line).to_string()).collect()
}

/// The errors of a method with each of these parameters.
pub fn fails(client: &mut Client, method: &str, all: &[Value]) -> Vec<String> {
    all.iter().map(|params| client.fails(method, params).to_string()).collect()
}

/// Makes the hostile driver do this, through the door.
fn makes(service: &Service, attack: &str, arguments: &[&str]) -> String {
    let params = json!({ "backend": "hostile", "share": attack_share(attack, arguments) });
    service.client().ask("create_share", &params).to_string()
}

pub fn discover(service: &Service) -> Vec<String> {
    says(service, &[br#"{"jsonrpc":"2.0","id":1,"method":"list_backends"}"#])
}

attacks! { Door:
    /// Gives a share a name that leads out of the neighbour's root.
    a_share_named_as_a_path {
        attack: async |_| {
            at(|service| {
                let mut client = service.client();
                let names = ["../outside/new", "..", "a/b", "-rf", "a\nb", "\u{202e}"];
                let all = names.map(|name| {
                    let mut one = share("one", 1);
                    name.clone_into(&mut one.name);
                    json!({ "backend": "home", "share": one })
                });
                fails(&mut client, "create_share", &all)
            })
            .await
        },
        contained: "refused by the request's check or by the policy; nothing is made",
        refused: "\"blame\":\"operator\"",
        twin: async |_| at(discover).await,
        answers: "\"result\"",
    }

    /// Asks three hundred things in one array.
    more_than_is_served_at_once {
        attack: async |_| {
            at(|service| {
                let many = format!("[{}]", vec!["1"; 300].join(","));
                says(service, &[many.as_bytes()])
            })
            .await
        },
        contained: "turned away with a reason",
        refused: "256",
        twin: async |_| at(discover).await,
        answers: "\"result\"",
    }

    /// Lets as many calls of its driver hang as a connection may have, so that none is left for
    /// the neighbour.
    calls_that_hang {
        attack: async |_| {
            at(|service| {
                let mut client = service.client();
                for _ in 0..abaca::door::CALLS_PER_CONNECTION {
                    let slow = attack_share("sleep", &["60000"]);
                    client.send("create_share", &json!({ "backend": "hostile", "share": slow }));
                }
                let told = vec![client.receive().to_string()];
                let one = json!({ "backend": "home", "share": share("beside them", 1) });
                service.client().ok("create_share", &one);
                told
            })
            .await
        },
        contained: "one more than a backend may have at once is turned away, and the others are \
                    served; what runs is given up with the connection",
        refused: "1024 requests of the backend `hostile` run",
        twin: async |_| at(discover).await,
        answers: "\"result\"",
    }

    /// Opens two hundred connections, says half a request on each, and reads nothing.
    half_requests {
        attack: async |_| {
            at(|service| {
                let mut open = Vec::new();
                for number in 0..200 {
                    let mut stream = UnixStream::connect(&service.socket).unwrap();
                    let text = if number % 2 == 0 {
                        "{\"jsonrpc\":"
                    } else {
                        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"rpc.discover\"}\n"
                    };
                    let _ = stream.write_all(text.as_bytes());
                    open.push(stream);
                }
                // While all of them are open.
                let told = discover(service);
                drop(open);
                told
            })
            .await
        },
        contained: "others are served meanwhile, and all that they held is given back",
        refused: "\"result\"",
        twin: async |_| at(discover).await,
        answers: "\"result\"",
    }

    /// Ends requests of another connection by their numbers.
    cancelling_for_others {
        attack: async |_| {
            at(|service| {
                let mut victim = service.client();
                let slow =
                    json!({ "backend": "hostile", "share": attack_share("sleep", &["700"]) });
                victim.send("create_share", &slow);
                let mut other = service.client();
                for id in 0..5 {
                    other.ask("rpc.cancel", &json!({ "id": id }));
                }
                vec![victim.receive().to_string()]
            })
            .await
        },
        contained: "numbers are each connection's own: the request is answered",
        refused: "ok:()",
        twin: async |_| at(discover).await,
        answers: "\"result\"",
    }

    /// Is a driver that loops, crashes and eats memory, called through the door.
    a_hostile_driver_behind_the_door {
        attack: async |_| {
            at(|service| {
                vec![
                    makes(service, "loop", &[]),
                    makes(service, "trap", &[]),
                    makes(service, "memory", &[]),
                    makes(service, "recursion", &[]),
                    makes(service, "host-call-flood", &[]),
                    makes(service, "echo", &["a\u{1b}[2J"]),
                ]
            })
            .await
        },
        contained: "each call ends with a typed error that blames the driver",
        refused: "\"code\":-32003",
        twin: async |_| at(|service| vec![makes(service, "echo", &["a"])]).await,
        answers: "\"result\"",
    }

    /// Connects as somebody else: the socket lets in who made it.
    a_socket_for_everybody {
        attack: async |_| {
            at(|service| {
                let mode = std::fs::metadata(&service.socket).unwrap().permissions().mode();
                vec![format!("{:o}", mode & 0o777)]
            })
            .await
        },
        contained: "the kernel lets nobody in but whom the socket's permissions name",
        refused: "600",
        twin: async |_| at(discover).await,
        answers: "\"result\"",
    }
}

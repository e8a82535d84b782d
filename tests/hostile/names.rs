//! Words for addresses, networks, options, data sets and volumes that are not those granted.

use super::attacks;
use super::holes::{fills, hole};

attacks! { Arguments:
    /// Says addresses that a tool resolves to others, or that name everybody.
    addresses_in_disguise {
        setup: hole("{ ip = { within = [\"10.0.0.0/8\", \"fd00::/8\"] } }"),
        attack: async |range| {
            fills(
                range,
                &[
                    "*",
                    "0.0.0.0",
                    "::",
                    "192.0.2.1",
                    "10.1",
                    "167772161",
                    "0x0a000001",
                    "012.0.0.1",
                    "10.0.0.1.",
                    "10.0.0.256",
                    "::ffff:10.0.0.1",
                    "fe80::1",
                    "fd00::1%eth0",
                    "[fd00::1]",
                    "10.0.0.1/32",
                    "localhost",
                ],
            )
            .await
        },
        contained: "nothing is started",
        refused: "rule: Some(\"hole\")",
        twin: async |range| fills(range, &["10.0.0.1", "10.255.255.255"]).await,
        answers: "ok:0:hole 10.",
    }

    /// Says networks that are wider than granted, or that hide a host.
    networks_in_disguise {
        setup: hole("{ cidr = { within = [\"10.0.0.0/8\"], min-prefix = 16, max-prefix = 32 } }"),
        attack: async |range| {
            fills(
                range,
                &[
                    "0.0.0.0/0",
                    "10.0.0.0/8",
                    "10.0.0.0/15",
                    "10.0.0.1/16",
                    "11.0.0.0/16",
                    "10.0.0.0/33",
                    "10.0.0.0/-1",
                    "10.0.0.0/016",
                    "10.0.0.0",
                    "10.0.0.0/255.255.0.0",
                    "::/0",
                    "*/16",
                ],
            )
            .await
        },
        contained: "nothing is started",
        refused: "rule: Some(\"hole\")",
        twin: async |range| fills(range, &["10.7.0.0/16"]).await,
        answers: "ok:0:hole 10.7.0.0/16",
    }

    /// Says options of a mount or an export twice, unknown, or without what must be there.
    options_in_disguise {
        setup: hole("{ csv = { must = [\"nosuid\"], any = [\"ro\", \"rw\"] } }"),
        attack: async |range| {
            fills(
                range,
                &[
                    "ro",
                    "nosuid,suid",
                    "nosuid,ro,ro",
                    "nosuid,",
                    ",nosuid",
                    "nosuid,,ro",
                    "nosuid ,ro",
                    "NOSUID",
                    "nosuid,no_root_squash",
                    "nosuid,ro=1",
                    "nosuid\\054suid",
                ],
            )
            .await
        },
        contained: "nothing is started",
        refused: "rule: Some(\"hole\")",
        twin: async |range| fills(range, &["rw,nosuid"]).await,
        answers: "ok:0:hole nosuid,rw",
    }

    /// Names data sets of others, whole pools, and snapshots where there may be none.
    data_sets_of_others {
        setup: hole("{ dataset = { parent = \"tank/shares\", name = \"word\" } }"),
        attack: async |range| {
            fills(
                range,
                &[
                    "tank",
                    "tank/shares",
                    "tank/shares/",
                    "tank/shares/a/b",
                    "tank/shares/a@s",
                    "tank/shares/../root",
                    "tank/shares-evil/a",
                    "tank//shares/a",
                    "/tank/shares/a",
                    "tank/shares/a%b",
                    "rpool/shares/a",
                    "tank/shares/-r",
                ],
            )
            .await
        },
        contained: "nothing is started",
        refused: "rule: Some(\"hole\")",
        twin: async |range| fills(range, &["tank/shares/a"]).await,
        answers: "ok:0:hole tank/shares/a",
    }

    /// Names volumes of another group, and devices by their path.
    volumes_of_others {
        setup: hole("{ device = { group = \"vg\", name = \"word\", pass = \"dev\" } }"),
        attack: async |range| {
            fills(
                range,
                &[
                    "rootvg/root",
                    "vg",
                    "vg/",
                    "vg/a/b",
                    "vg/../sda",
                    "/dev/sda",
                    "/dev/vg/a",
                    "vg-a",
                    "vg/-a",
                    "VG/a",
                    "a",
                ],
            )
            .await
        },
        contained: "nothing is started",
        refused: "rule: Some(\"hole\")",
        twin: async |range| fills(range, &["vg/a"]).await,
        answers: "ok:0:hole /dev/vg/a",
    }
}

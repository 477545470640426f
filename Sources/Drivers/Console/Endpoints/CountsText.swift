import JSON
import Sessions

/// How many there are who are connected, and what came of them, as `/counts` writes it.
enum CountsText {
    private static let liveSchema = ObjectSchema(
        [
            .init("connections", .count, "How many live sessions there are", isRequired: true),
            .init("seated", .count, "How many of them have a seat", isRequired: true),
        ]
            + LiveTransport.allCases.map {
                .init(
                    $0.rawValue, .count, "How many of them have this `transport`", isRequired: true)
            })

    static let schema = Schema.object(
        ObjectSchema([
            .init("sessions", .count, "How many live sessions have a seat", isRequired: true),
            .init(
                "stores", .count,
                "How many stores have a session, a client that waits for a seat, or a policy of"
                    + " their own",
                isRequired: true),
            .init(
                "live", .object(liveSchema),
                "Counts of all that `/sessions` lists, with a seat or without",
                isRequired: true),
            .init(
                "blocks",
                .list(
                    of: .object(
                        ObjectSchema([
                            .init(
                                "block", SessionText.anyText, "The name of the `sessions` block",
                                isRequired: true),
                            .init(
                                "sessions", .count, "How many live sessions it has",
                                isRequired: true),
                            .init("stores", .count, "How many stores it has", isRequired: true),
                        ])), count: 0...Int(Int32.max)), "The counts of each `sessions` block",
                isRequired: true),
            .init(
                "since_start",
                .object(
                    ObjectSchema(
                        SessionTallies().named.map { name, _, summary in
                            .init(name, .count, summary, isRequired: true)
                        })), "Counts since the gateway started", isRequired: true),
            .init(
                "kept",
                .object(
                    ObjectSchema([
                        .init(
                            "persistent", .truth,
                            "True when policies, names, revocations and history are still there"
                                + " after a restart",
                            isRequired: true),
                        .init(
                            "history", .count, "How many past sessions the history has",
                            isRequired: true),
                        .init(
                            "lost", .count, "How many past sessions are missing from the history",
                            isRequired: true),
                        .init(
                            "failing", .truth, "True while nothing can be stored",
                            isRequired: true),
                    ])), "What the gateway stores (`state`)", isRequired: true),
        ]))
}

extension SessionTallies {
    /// Each count with its name and what it means.
    package var named: [(name: String, count: Int, summary: String)] {
        [
            ("admitted", admitted, "Sessions that were given a seat"),
            (
                "waited", waited,
                "Sessions that waited while the gateway checked whether the holder of a seat was"
                    + " still there"
            ),
            ("refused", refused, "Sessions that were refused because their store was full"),
            (
                "flapping", flapping,
                "Sessions that were refused because two windows of one device replaced each other"
                    + " again and again"
            ),
            ("replaced", replaced, "Sessions that ended because the same device connected again"),
            ("ejected", ejected, "Sessions that were ended for a new device (`eject_old`)"),
            (
                "ghosts", ghosts,
                "Sessions that were ended because they gave no sign of life while a new device"
                    + " waited"
            ),
            ("kicked", kicked, "Sessions that operators ended"),
            (
                "would_refuse", wouldRefuse,
                "Sessions that would have been refused without `report_only`"
            ),
            (
                "would_eject", wouldEject,
                "Sessions that would have ended others without `report_only`"
            ),
        ]
    }
}

extension SessionCounts {
    var document: JSONValue {
        var tallies = JSONObject()
        for (name, count, _) in self.tallies.named { tallies[name] = .whole(count) }
        var live: JSONObject = [
            "connections": .whole(self.live.total), "seated": .whole(self.live.seated),
        ]
        for transport in LiveTransport.allCases {
            live[transport.rawValue] = .whole(self.live.of(transport))
        }
        return [
            "sessions": .whole(blocks.reduce(0) { $0 + $1.sessions }),
            "stores": .whole(blocks.reduce(0) { $0 + $1.stores }),
            "live": .object(live),
            "blocks": .array(
                blocks.map {
                    [
                        "block": .string($0.name), "sessions": .whole($0.sessions),
                        "stores": .whole($0.stores),
                    ]
                }),
            "since_start": .object(tallies),
            "kept": [
                "persistent": .bool(kept.isPersistent), "history": .whole(kept.history),
                "lost": .count(kept.lost), "failing": .bool(kept.isFailing),
            ],
        ]
    }
}

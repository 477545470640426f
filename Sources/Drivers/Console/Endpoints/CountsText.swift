import JSON
import Sessions

/// How many there are who are connected, and what came of them, as `/counts` writes it.
enum CountsText {
    private static let liveSchema = ObjectSchema(
        [
            .init("connections", .count, "How many", isRequired: true),
            .init("seated", .count, "Those among them with a seat", isRequired: true),
        ]
            + LiveTransport.allCases.map {
                .init($0.rawValue, .count, "Those of this `transport`", isRequired: true)
            })

    static let schema = Schema.object(
        ObjectSchema([
            .init("sessions", .count, "Live ones with a seat", isRequired: true),
            .init("stores", .count, "Stores there is anything to say about", isRequired: true),
            .init(
                "live", .object(liveSchema), "All that `/sessions` lists, with a seat or without",
                isRequired: true),
            .init(
                "blocks",
                .list(
                    of: .object(
                        ObjectSchema([
                            .init("block", SessionText.anyText, "Its name", isRequired: true),
                            .init("sessions", .count, "Live ones", isRequired: true),
                            .init("stores", .count, "Stores", isRequired: true),
                        ])), count: 0...Int(Int32.max)), "By `sessions` block",
                isRequired: true),
            .init(
                "since_start",
                .object(
                    ObjectSchema(
                        SessionTallies().named.map { name, _, summary in
                            .init(name, .count, summary, isRequired: true)
                        })), "Since the gateway started", isRequired: true),
            .init(
                "kept",
                .object(
                    ObjectSchema([
                        .init(
                            "persistent", .truth,
                            "Policies, names, revocations and history outlive the gateway",
                            isRequired: true),
                        .init("history", .count, "Past sessions", isRequired: true),
                        .init(
                            "lost", .count, "Past sessions that the history misses",
                            isRequired: true),
                        .init(
                            "failing", .truth, "Nothing can be written at present",
                            isRequired: true),
                    ])), "What is kept", isRequired: true),
        ]))
}

extension SessionTallies {
    /// Each count with its name and what it means.
    package var named: [(name: String, count: Int, summary: String)] {
        [
            ("admitted", admitted, "Sessions that came in"),
            ("waited", waited, "Those for whom others were asked first whether they live"),
            ("refused", refused, "Newcomers that found the store full"),
            ("flapping", flapping, "Sent away because two windows fought for one place"),
            ("replaced", replaced, "Ended because the same device came again"),
            ("ejected", ejected, "Ended for a newcomer"),
            ("ghosts", ghosts, "Ended because they did not show that they live"),
            ("kicked", kicked, "Ended by operators"),
            ("would_refuse", wouldRefuse, "Would have been refused, but rules only report"),
            ("would_eject", wouldEject, "Would have ended others, but rules only report"),
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

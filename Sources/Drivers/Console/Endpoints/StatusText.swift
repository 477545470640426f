import Clock
import JSON
import Sessions
import Upstreams

/// The status of the process, as `/status` writes it.
enum StatusText {
    static let schema = Schema.named(
        "Status",
        .object(
            ObjectSchema([
                .init("version", SessionText.anyText, "The version", isRequired: true),
                .init("pid", .count, "The process ID", isRequired: true),
                .init("started", SessionText.date, "When it was started", isRequired: true),
                .init("uptime_seconds", .count, "How long ago that was", isRequired: true),
                .init("workers", .count, "How many threads serve clients", isRequired: true),
                .init(
                    "generation", generation, "The configuration that is in use", isRequired: true),
                .init(
                    "listeners", list(of: listener), "Where it listens, and the certificates there",
                    isRequired: true),
                .init(
                    "groups", list(of: group), "The backends and their servers", isRequired: true),
                .init(
                    "sessions", sessions.orNull(),
                    "How many are connected; null while the store of sessions does not answer",
                    isRequired: true),
                .init("drains", drains, "What is being ended", isRequired: true),
            ])))

    private static func list(of schema: Schema) -> Schema {
        .list(of: schema, count: 0...Int(Int32.max))
    }

    private static let generation = Schema.object(
        ObjectSchema([
            .init("number", .count, "Counted from 1, by reloads", isRequired: true),
            .init("loaded", SessionText.date, "Since when it is in use", isRequired: true),
            .init(
                "refused",
                Schema.object(
                    ObjectSchema([
                        .init("at", SessionText.date, "When it was read", isRequired: true),
                        .init("reason", SessionText.anyText, "What is wrong", isRequired: true),
                    ])
                ).orNull(),
                "Why the newest configuration is not in use; null when it is", isRequired: true),
        ]))

    private static let listener = Schema.object(
        ObjectSchema([
            .init("address", SessionText.anyText, "Where it listens", isRequired: true),
            .init("tls", .truth, "True for a listener with TLS", isRequired: true),
            .init(
                "certificates",
                list(
                    of: .object(
                        ObjectSchema([
                            .init(
                                "host", SessionText.anyText.orNull(),
                                "The host that it is for; null for the one of all others",
                                isRequired: true),
                            .init(
                                "file", SessionText.anyText.orNull(),
                                "The path of the file; null for one that was made up at start",
                                isRequired: true),
                            .init(
                                "expires", SessionText.date.orNull(), "When it expires",
                                isRequired: true),
                            .init(
                                "days_left", Schema.integer(-1_000_000...1_000_000).orNull(),
                                "How many whole days are left; negative when it has expired",
                                isRequired: true),
                        ]))), "The certificates of the listener", isRequired: true),
        ]))

    private static let group = Schema.object(
        ObjectSchema([
            .init("backend", SessionText.anyText, "The name of the backend", isRequired: true),
            ServerText.servers,
        ]))

    private static let sessions = Schema.object(
        ObjectSchema([
            .init("live", .count, "How many live sessions there are", isRequired: true),
            .init("seated", .count, "How many of them have a seat", isRequired: true),
        ]))

    private static let drains = Schema.object(
        ObjectSchema([
            .init(
                "gateway",
                Schema.object(
                    ObjectSchema([
                        .init("since", SessionText.date, "When it was told", isRequired: true),
                        .init(
                            "closes", SessionText.date, "When the listeners are closed",
                            isRequired: true),
                        .init(
                            "ends", SessionText.date, "When the connections that are left are cut",
                            isRequired: true),
                    ])
                ).orNull(), "The stop of the gateway; null while it serves", isRequired: true),
            ServerText.servers,
        ]))

    // MARK: Documents

    static func document(_ status: StatusView, _ clock: ClockReading) -> JSONValue {
        [
            "version": .string(status.version), "pid": .whole(Int(status.process)),
            "started": SessionText.date(status.started),
            "uptime_seconds": .whole(Int(max(0, status.uptime.components.seconds))),
            "workers": .whole(status.workers), "generation": document(status.generation),
            "listeners": .array(status.listeners.map { document($0, clock.wallTime) }),
            "groups": .array(groups(status.servers, clock)),
            "sessions": status.counts.map {
                ["live": .whole($0.live.total), "seated": .whole($0.live.seated)]
            } ?? .null,
            "drains": [
                "gateway": status.stopping.map {
                    [
                        "since": SessionText.date($0.since), "closes": SessionText.date($0.closes),
                        "ends": SessionText.date($0.ends),
                    ]
                } ?? .null,
                "servers": .array(
                    status.servers.filter { $0.standing.why == .ordered }
                        .map { ServerText.document($0, clock) }),
            ],
        ]
    }

    private static func document(_ generation: StatusView.Generation) -> JSONValue {
        let refused = generation.refused.map { refused -> JSONValue in
            ["at": SessionText.date(refused.at), "reason": .string(refused.reason)]
        }
        return [
            "number": .count(generation.number), "loaded": SessionText.date(generation.loaded),
            "refused": refused ?? .null,
        ]
    }

    private static func document(_ listener: StatusView.Listener, _ now: WallTime) -> JSONValue {
        let certificates = listener.certificates.map { certificate -> JSONValue in
            let left = certificate.expires.map { $0.duration(since: now).components.seconds }
            let days = left.map { ($0 < 0 ? $0 - 86_399 : $0) / 86_400 }
            return [
                "host": SessionText.text(certificate.host),
                "file": SessionText.text(certificate.file),
                "expires": certificate.expires.map { SessionText.date($0) } ?? .null,
                "days_left": days.map { .number(JSONNumber($0)) } ?? .null,
            ]
        }
        return [
            "address": .string(listener.address), "tls": .bool(listener.isTLS),
            "certificates": .array(certificates),
        ]
    }

    private static func groups(_ servers: [ServerView], _ clock: ClockReading) -> [JSONValue] {
        var names: [String] = []
        for server in servers where names.last != server.name.backend {
            names.append(server.name.backend)
        }
        return names.map { name in
            [
                "backend": .string(name),
                "servers": .array(
                    servers.filter { $0.name.backend == name }
                        .map { ServerText.document($0, clock) }),
            ]
        }
    }
}

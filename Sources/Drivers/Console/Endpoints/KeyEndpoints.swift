import HTTP
import JSON

/// Where the keys of tokens come from.
enum KeyEndpoints {
    static func keys(_ backend: any ConsoleBackend) -> ConsoleEndpoint {
        ConsoleEndpoint(
            method: .get, path: "/keys", name: "keys",
            summary: "List the sources of token keys and the state of each",
            answers: [.json(200, "All sources, sorted by name", keysSchema)]
        ) { _, responder in
            let sources = backend.keySources().sorted {
                ($0.name, $0.kind.rawValue) < ($1.name, $1.kind.rawValue)
            }
            responder.respond(.json(200, ["sources": .array(sources.map(\.document))]))
        }
    }

    private static let keysSchema = Schema.object(
        ObjectSchema([
            .init(
                "sources", .list(of: .named("KeySource", keySource), count: 0...Int(Int32.max)),
                "The sources; each once, even when several `jwt` blocks use it", isRequired: true)
        ]))

    private static let keySource = Schema.object(
        ObjectSchema([
            .init(
                "name", .text(TextRule(length: 0...8192)),
                "The URL without its query, or the path of the file", isRequired: true),
            .init(
                "kind", .word(KeySourceStatus.Kind.allCases.map(\.rawValue)),
                "The kind of source", isRequired: true),
            .init("keys", .count, "How many usable keys the source has", isRequired: true),
            .init(
                "failing", .truth, "True while the source cannot be read, or has no usable key",
                isRequired: true),
            .init(
                "stale", .truth,
                "True while the keys are older than they should be; they stay in use",
                isRequired: true),
            .init(
                "last_success_age_seconds", Schema.count.orNull(),
                "How long ago the source was last read successfully, in seconds; null before the"
                    + " first time",
                isRequired: true),
            .init(
                "attempts", .count, "How often the gateway tried to read the source",
                isRequired: true),
            .init("failures", .count, "How many of these attempts failed", isRequired: true),
            .init("changes", .count, "How often the keys changed", isRequired: true),
        ]))
}

extension KeySourceStatus {
    fileprivate var document: JSONValue {
        let age = successAge.map { JSONValue.count(UInt64(max(0, $0.components.seconds))) }
        return [
            "name": .string(name), "kind": .string(kind.rawValue), "keys": .whole(keyCount),
            "failing": .bool(isFailing), "stale": .bool(isStale),
            "last_success_age_seconds": age ?? .null, "attempts": .count(attempts),
            "failures": .count(failures), "changes": .count(changes),
        ]
    }
}

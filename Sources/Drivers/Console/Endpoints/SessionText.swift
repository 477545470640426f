import Clock
import JSON
import Records
import Sessions

/// How sessions are written, those that are over, and what these and live ones have in common.
enum SessionText {
    /// Any text that comes out of a request, which bounds its length.
    static let anyText = Schema.text(TextRule(length: 0...65_536))
    static let date = Schema.dateTime

    static let block = ObjectSchema.Member(
        "block", .text(upTo: 256), "The name of the `sessions` block")
    static let store = ObjectSchema.Member("store", .text(upTo: 1024), "The store")
    static let device = ObjectSchema.Member(
        "device", .text(upTo: 256), "The ClientId of the device, or the name that stands for it")

    static let deviceSchema = Schema.named(
        "Device",
        .object(
            ObjectSchema([
                .init(
                    "client_id", anyText, "The ClientId, or a temporary name that the gateway gave",
                    isRequired: true),
                .init(
                    "name", anyText.orNull(), "The name for people; null without one",
                    isRequired: true),
                .init(
                    "source", anyText,
                    "Where the ClientId was found; `issued` when the gateway issued it, `fallback`"
                        + " when there is none", isRequired: true),
            ])))

    static func device(
        _ clientID: String, _ source: String, _ store: StoreKey, _ backend: any SessionBackend
    ) -> JSONValue {
        let key = DeviceAlias.Key(block: store.block, store: store.store, clientID: clientID)
        return [
            "client_id": .string(clientID), "name": text(backend.alias(key)?.name),
            "source": .string(source),
        ]
    }

    static func date(_ time: WallTime) -> JSONValue { .string(time.rfc3339(milliseconds: true)) }
    static func text(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
    static func count(_ number: UInt64?) -> JSONValue { number.map { .count($0) } ?? .null }

    // MARK: The past

    static let pastSchema = Schema.named(
        "PastSession",
        .object(
            ObjectSchema([
                .init("id", anyText, "The id of the session", isRequired: true),
                .init("block", anyText, "The name of the `sessions` block", isRequired: true),
                .init("store", anyText, "The store", isRequired: true),
                .init("device", deviceSchema, "The device that is connected", isRequired: true),
                .init(
                    "role", anyText.orNull(),
                    "The role of the user; null without one", isRequired: true
                ),
                .init(
                    "user", anyText.orNull(), "The user; null when no token named one",
                    isRequired: true),
                .init(
                    "address", anyText,
                    "The address of the client, without port", isRequired: true),
                .init("transport", countedTransport, "The kind of connection", isRequired: true),
                .init("route", anyText, "The path of the route", isRequired: true),
                .init("began", date, "When the session began", isRequired: true),
                .init("ended", date, "When the session ended", isRequired: true),
                .init(
                    "duration_ms", .count, "How long the session lasted, in milliseconds",
                    isRequired: true),
                .init(
                    "reason", anyText, "Why the session ended; the same word as in the access log",
                    isRequired: true),
                .init(
                    "rule", anyText.orNull(),
                    "The rule that ended the session (`eject_old`, `kicked`, `limited`,"
                        + " `token_expired` …); null without one", isRequired: true),
                .init(
                    "octets_in", .count, "How many octets came from the client", isRequired: true),
                .init("octets_out", .count, "How many octets went to the client", isRequired: true),
                .init(
                    "messages_in", .count, "How many messages came from the client of a WebSocket",
                    isRequired: true),
                .init(
                    "messages_out", .count, "How many messages went to the client of a WebSocket",
                    isRequired: true),
            ])))

    static func document(
        _ entry: HistoryEntry, _ backend: any SessionBackend
    ) -> JSONValue {
        let length = entry.ended.duration(since: entry.began)
        let milliseconds = max(0, length.wholeMilliseconds)
        var document: JSONObject = [
            "id": .string(entry.session), "block": .string(entry.block),
            "store": .string(entry.store),
        ]
        document["device"] = device(
            entry.device, entry.deviceSource, StoreKey(block: entry.block, store: entry.store),
            backend)
        document["role"] = text(entry.role)
        document["user"] = text(entry.user)
        document["address"] = .string(entry.address)
        document["transport"] = .string(entry.transport)
        document["route"] = .string(entry.route)
        document["began"] = date(entry.began)
        document["ended"] = date(entry.ended)
        document["duration_ms"] = .count(UInt64(milliseconds))
        document["reason"] = .string(entry.reason)
        document["rule"] = text(entry.rule)
        document["octets_in"] = .count(UInt64(max(0, entry.received.octets)))
        document["octets_out"] = .count(UInt64(max(0, entry.sent.octets)))
        document["messages_in"] = .count(UInt64(max(0, entry.received.messages)))
        document["messages_out"] = .count(UInt64(max(0, entry.sent.messages)))
        return .object(document)
    }
}

import Clock
import JSON
import Sessions

/// How who is connected is written, with a seat or without.
extension SessionText {
    static let schema = Schema.named("Session", .object(ObjectSchema(seatMembers + members)))

    static let transport = Schema.word(LiveTransport.allCases.map(\.rawValue))
    static let countedTransport = Schema.word(LiveTransport.counted.map(\.rawValue))

    private static let seatMembers: [ObjectSchema.Member] = [
        .init(
            "id", anyText,
            "The id of the session; no other session ever gets it", isRequired: true),
        .init(
            "seated", .truth,
            "True when the session has a seat in a store of a `sessions` block. When false,"
                + " `block`, `store`, `device` and `device_since` are null", isRequired: true),
        .init("block", anyText.orNull(), "The name of the `sessions` block", isRequired: true),
        .init("store", anyText.orNull(), "The store", isRequired: true),
        .init("device", deviceSchema.orNull(), "The device that is connected", isRequired: true),
    ]

    private static let members: [ObjectSchema.Member] = [
        .init(
            "role", anyText.orNull(),
            "The role of the user; null without one", isRequired: true),
        .init("user", anyText.orNull(), "The user; null when no token names one", isRequired: true),
        .init("address", anyText, "The address of the client, without port", isRequired: true),
        .init(
            "user_agent", anyText.orNull(), "The beginning of the User-Agent; null without a seat",
            isRequired: true),
        .init("transport", transport, "The kind of connection", isRequired: true),
        .init("route", anyText, "The path of the route", isRequired: true),
        .init("connected_since", date, "When the session began", isRequired: true),
        .init(
            "device_since", date.orNull(),
            "Since when the device holds its seat, across reloads of its page",
            isRequired: true),
        .init(
            "generation", .count, "The generation of the configuration that let the session in",
            isRequired: true),
        .init(
            "last_heard", date.orNull(),
            "When the client last sent anything. This and all members below are null when the"
                + " worker of the session did not answer in time", isRequired: true),
        .init(
            "octets_in", Schema.count.orNull(), "How many octets came from the client",
            isRequired: true),
        .init(
            "octets_out", Schema.count.orNull(), "How many octets went to the client",
            isRequired: true),
        .init(
            "messages_in", Schema.count.orNull(),
            "How many messages came from the client of a WebSocket",
            isRequired: true),
        .init(
            "messages_out", Schema.count.orNull(),
            "How many messages went to the client of a WebSocket",
            isRequired: true),
        .init("backend", anyText.orNull(), "The name of the backend", isRequired: true),
        .init(
            "server", anyText.orNull(),
            "The address of the upstream server; null while the session waits for one",
            isRequired: true),
    ]

    static func document(
        _ entry: SessionEntry, _ backend: any SessionBackend, _ clock: ClockReading
    ) -> JSONValue {
        let person: Person
        var document: JSONObject = ["id": .string(entry.session.id.description)]
        switch entry.session {
        case .seated(let record):
            let arrival = record.arrival
            person = Person(record)
            document["seated"] = true
            document["block"] = .string(arrival.store.block)
            document["store"] = .string(arrival.store.store)
            document["device"] = device(
                record.deviceName, arrival.device.origin.text, arrival.store, backend)
        case .seatless(let live):
            person = Person(live)
            document["seated"] = false
            for name in ["block", "store", "device"] { document[name] = .null }
        }
        person.write(to: &document, clock)
        write(entry.figures, isSocket: person.transport == .webSocket, to: &document, clock)
        return .object(document)
    }

    private static func write(
        _ figures: SessionFigures?, isSocket: Bool, to document: inout JSONObject,
        _ clock: ClockReading
    ) {
        document["last_heard"] = figures?.lastHeard.map { date(clock.wallTime(of: $0)) } ?? .null
        document["octets_in"] = count(figures?.octetsIn)
        document["octets_out"] = count(figures?.octetsOut)
        document["messages_in"] = count(isSocket ? figures?.messagesIn : nil)
        document["messages_out"] = count(isSocket ? figures?.messagesOut : nil)
        document["backend"] = text(figures?.backend)
        document["server"] = text(figures?.server)
    }
}

/// What is known of anybody who is connected.
private struct Person {
    var role: String?
    var user: String?
    var address: String
    var userAgent: String?
    var transport: LiveTransport
    var route: String
    var since: Instant
    var deviceSince: Instant?
    var generation: UInt64

    init(_ record: SessionRecord) {
        let arrival = record.arrival
        (role, user) = (arrival.role, arrival.user)
        (address, userAgent) = (arrival.address, arrival.userAgent)
        (transport, route) = (arrival.transport, arrival.route)
        (since, deviceSince) = (record.connectedSince, record.deviceSince)
        generation = arrival.rules.generation
    }

    init(_ live: LiveConnection) {
        let facts = live.facts
        (role, user) = (live.token?.role, live.token?.user)
        address = facts.address
        (transport, route) = (facts.transport, facts.route)
        (since, generation) = (facts.since, facts.generation)
    }

    func write(to document: inout JSONObject, _ clock: ClockReading) {
        document["role"] = SessionText.text(role)
        document["user"] = SessionText.text(user)
        document["address"] = .string(address)
        document["user_agent"] = SessionText.text(userAgent)
        document["transport"] = .string(transport.rawValue)
        document["route"] = .string(route)
        document["connected_since"] = SessionText.date(clock.wallTime(of: since))
        document["device_since"] =
            deviceSince.map { SessionText.date(clock.wallTime(of: $0)) } ?? .null
        document["generation"] = .count(generation)
    }
}

import Clock
import Endings
import HTTP
import JSON
import Upstreams

/// The servers behind the gateway: what is known of each, and taking one out of use before it is
/// replaced.
enum ServerEndpoints {
    static func all(
        _ backend: any ServerBackend, clock: @escaping @Sendable () -> ClockReading
    ) -> [ConsoleEndpoint] {
        [list(backend, clock), drain(backend, clock), use(backend, clock)]
    }

    private static let backendName = ObjectSchema.Member(
        "backend", .text(upTo: 256), "The name of the backend")
    private static let address = ObjectSchema.Member(
        "address", .text(upTo: 1024), "The address of the server, as the configuration writes it")
    private static let path: PathTemplate = "/servers/{backend}/{address}/drain"

    private static func list(
        _ backend: any ServerBackend, _ clock: @escaping @Sendable () -> ClockReading
    ) -> ConsoleEndpoint {
        ConsoleEndpoint(
            method: .get, path: "/servers", name: "servers",
            summary: "List the servers of all backends, and whether each is used",
            query: ObjectSchema([backendName]),
            answers: [
                .json(
                    200, "The servers, in the order of the configuration",
                    .object(ObjectSchema([ServerText.servers])))
            ]
        ) { request, responder in
            let wanted = request.query["backend"]?.string
            let now = clock()
            let servers = backend.servers().filter { wanted == nil || $0.name.backend == wanted }
            responder.respond(
                .json(200, ["servers": .array(servers.map { ServerText.document($0, now) })]))
        }
    }

    // MARK: Orders

    private static func drain(
        _ backend: any ServerBackend, _ clock: @escaping @Sendable () -> ClockReading
    ) -> ConsoleEndpoint {
        ConsoleEndpoint(
            method: .put, path: path, name: "drainServer",
            summary: "Begin no exchange with a server any more, and end the WebSockets and event"
                + " streams that it has, spread over the time of a drain. It holds until the server"
                + " is used again, or the gateway restarts",
            captures: [backendName, address],
            query: ObjectSchema([
                .init(
                    "keep", .truth, "True when its WebSockets and event streams stay",
                    fallback: .bool(false))
            ]),
            answers: answers
        ) { request, responder in
            let order = DrainOrder(keepsLive: request.query["keep"]?.bool ?? false)
            carryOut(order, request, backend, responder, clock())
        }
    }

    private static func use(
        _ backend: any ServerBackend, _ clock: @escaping @Sendable () -> ClockReading
    ) -> ConsoleEndpoint {
        ConsoleEndpoint(
            method: .delete, path: path, name: "useServer", summary: "Use a server again",
            captures: [backendName, address], answers: answers
        ) { request, responder in
            carryOut(nil, request, backend, responder, clock())
        }
    }

    private static let answers: [AnswerNote] = [
        .json(
            200, "The servers of this address, as they are now",
            .object(ObjectSchema([ServerText.servers, ServerText.left]))),
        .problem(404, "There is no such server"),
    ]

    private static func carryOut(
        _ order: DrainOrder?, _ request: ConsoleRequest, _ backend: any ServerBackend,
        _ responder: Responder, _ now: ClockReading
    ) {
        let name = ServedPlace(
            backend: request.captures["backend"]?.string ?? "",
            address: request.captures["address"]?.string ?? "")
        guard backend.order(name, drain: order) else {
            return responder.respond(
                .problem(
                    Refusal(
                        .policy, status: 404,
                        message: "There is no such server: /servers lists them")))
        }
        let group = backend.servers().filter { $0.name.backend == name.backend }
        let servers = group.filter { $0.name == name }
        let left = group.filter { $0.standing.state == .up }
        responder.respond(
            .json(
                200,
                [
                    "servers": .array(servers.map { ServerText.document($0, now) }),
                    "left": .whole(left.count),
                ]))
    }
}

/// How a server is written.
enum ServerText {
    static let servers = ObjectSchema.Member(
        "servers", .list(of: .named("Server", schema), count: 0...Int(Int32.max)), "The servers",
        isRequired: true)
    static let left = ObjectSchema.Member(
        "left", .count, "How many servers of the backend are up", isRequired: true)

    private static let schema = Schema.object(
        ObjectSchema([
            .init("backend", SessionText.anyText, "The name of the backend", isRequired: true),
            .init("address", SessionText.anyText, "The address of the server", isRequired: true),
            .init("weight", .count, "The weight of the server", isRequired: true),
            .init(
                "backup", .truth, "True for a server that is used when no other one is up",
                isRequired: true),
            .init(
                "state", .word(ServerStanding.State.allCases.map(\.rawValue)),
                "Whether the server is used: `draining` while the last exchanges are under way,"
                    + " `drained` when none is", isRequired: true),
            .init(
                "why", Schema.word(ServerStanding.Why.allCases.map(\.rawValue)).orNull(),
                "Why the server is not used; null for one that is up", isRequired: true),
            .init(
                "since", SessionText.date.orNull(),
                "Since when; null for a server that was up from the beginning", isRequired: true),
            .init(
                "exchanges", .count,
                "How many requests, WebSockets and streams are under way with the server",
                isRequired: true),
        ]))

    static func document(_ server: ServerView, _ clock: ClockReading) -> JSONValue {
        let since = server.standing.since.map { SessionText.date(clock.wallTime(of: $0)) }
        return [
            "backend": .string(server.name.backend), "address": .string(server.name.address),
            "weight": .whole(server.weight), "backup": .bool(server.isBackup),
            "state": .string(server.standing.state.rawValue),
            "why": SessionText.text(server.standing.why?.rawValue), "since": since ?? .null,
            "exchanges": .whole(max(0, server.exchanges)),
        ]
    }
}

import Clock
import Endings
import HTTP
import JSON

/// How the process is doing: for people and their programs, and, without a token, for load
/// balancers.
enum StatusEndpoints {
    static let plainText = "text/plain; charset=utf-8"

    static func all(
        _ backend: any ServerBackend, clock: @escaping @Sendable () -> ClockReading
    ) -> [ConsoleEndpoint] {
        [status(backend, clock), health, readiness(backend)]
    }

    private static func status(
        _ backend: any ServerBackend, _ clock: @escaping @Sendable () -> ClockReading
    ) -> ConsoleEndpoint {
        ConsoleEndpoint(
            method: .get, path: "/status", name: "status",
            summary: "Show what runs: version, configuration, listeners and their certificates,"
                + " servers, sessions, and whether it stops",
            answers: [.json(200, "The status", StatusText.schema)]
        ) { _, responder in
            backend.status(
                responder.writing { .json(200, StatusText.document($0, clock())) })
        }
    }

    private static var health: ConsoleEndpoint {
        var endpoint = ConsoleEndpoint(
            method: .get, path: "/healthz", name: "health",
            summary: "Say that the gateway lives; needs no token",
            answers: [
                AnswerNote(
                    status: 200, summary: "The gateway lives", content: .text(type: plainText))
            ]
        ) { _, responder in
            responder.respond(text("ok\n"))
        }
        endpoint.needsToken = false
        return endpoint
    }

    private static func readiness(_ backend: any ServerBackend) -> ConsoleEndpoint {
        var endpoint = ConsoleEndpoint(
            method: .get, path: "/readyz", name: "readiness",
            summary: "Say whether the gateway takes new clients; needs no token",
            answers: [
                AnswerNote(
                    status: 200, summary: "The gateway takes new clients",
                    content: .text(type: plainText)),
                .problem(503, "The gateway stops"),
            ]
        ) { _, responder in
            responder.respond(backend.isReady ? text("ready\n") : .problem(stopping))
        }
        endpoint.needsToken = false
        return endpoint
    }

    private static let stopping = Refusal(.draining, message: "The gateway is stopping")

    private static func text(_ text: String) -> ConsoleResponse {
        ConsoleResponse(
            status: 200, content: .octets(Array(text.utf8), type: plainText))
    }
}

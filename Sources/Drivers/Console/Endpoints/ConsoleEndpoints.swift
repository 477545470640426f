import Clock
import HTTP
import JSON

/// The table: everything that can be asked of the console.
enum ConsoleEndpoints {
    /// What time it is.
    typealias Clock = @Sendable () -> ClockReading

    static func all(
        _ backend: any ConsoleBackend, clock: @escaping Clock
    ) -> [ConsoleEndpoint] {
        OpenAPIDocument.adding(
            to: sessions(backend, clock: clock) + stores(backend, clock: clock)
                + policies(backend, clock: clock) + devices(backend, clock: clock)
                + revocations(backend) { clock().wallTime }
                + ServerEndpoints.all(backend, clock: clock)
                + StatusEndpoints.all(backend, clock: clock)
                + [counts(backend), KeyEndpoints.keys(backend), metrics(backend)])
    }

    static func metrics(_ backend: any ConsoleBackend) -> ConsoleEndpoint {
        ConsoleEndpoint(
            method: .get, path: "/metrics", name: "metrics",
            summary: "Show all metrics in the text format of Prometheus",
            answers: [
                AnswerNote(
                    status: 200, summary: "Every metric with its samples",
                    content: .text(type: MetricExposition.contentType))
            ]
        ) { _, responder in
            backend.metrics(
                responder.writing { families in
                    let octets = MetricExposition.encode(families)
                    return ConsoleResponse(
                        status: 200, content: .octets(octets, type: MetricExposition.contentType))
                })
        }
    }
}

extension Schema {
    /// From 0 to what every reader of JSON can tell from its neighbours.
    static let count = Schema.integer(0...9_007_199_254_740_991)
}

extension JSONValue {
    /// A number within `Schema.count`; larger ones become the largest.
    static func count(_ number: UInt64) -> JSONValue {
        .number(JSONNumber(Int64(min(number, 9_007_199_254_740_991))))
    }
}

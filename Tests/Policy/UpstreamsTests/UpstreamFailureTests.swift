import Endings
import Testing
import Upstreams

@Suite struct UpstreamFailureTests {
    typealias Row = (
        failure: UpstreamFailure, blame: UpstreamFailure.Blame, remedy: UpstreamFailure.Remedy,
        reason: EndReason, status: Int, detail: String
    )

    static let rows: [Row] = [
        (.unreachable, .server, .anotherServer, .upstreamUnavailable, 502, "unreachable"),
        (.insecure, .server, .anotherServer, .upstreamUnavailable, 502, "tls"),
        (.busy, .server, .patience, .upstreamUnavailable, 502, "unreachable"),
        (.exhausted, .gateway, .none, .overloaded, 503, "connections"),
        (.queueFull, .gateway, .none, .overloaded, 503, "queue"),
        (.queueTimeout, .gateway, .none, .overloaded, 503, "queue_timeout"),
        (.tooManyPending, .gateway, .none, .overloaded, 503, "pending"),
        (.closedEarly, .server, .newConnection, .upstreamUnavailable, 502, "closed_early"),
        (.badResponse, .server, .none, .upstreamUnavailable, 502, "bad_response"),
        (.noneUp, .server, .none, .upstreamUnavailable, 503, "none_up"),
        (.takesNothing, .server, .anotherAnswer, .upstreamUnavailable, 504, "takes_nothing"),
        (.silent, .server, .anotherAnswer, .upstreamUnavailable, 504, "timeout"),
        (.paused, .server, .none, .upstreamUnavailable, 504, "pause"),
        (.cut, .server, .none, .upstreamUnavailable, 502, "cut"),
        (.socketRefused(status: 401), .client, .none, .unauthenticated, 401, "status_401"),
        (.socketRefused(status: 403), .client, .none, .forbidden, 403, "status_403"),
        (.socketRefused(status: 429), .client, .none, .rateLimited, 429, "status_429"),
        (.socketRefused(status: 404), .client, .none, .policy, 403, "status_404"),
        (.socketRefused(status: 200), .server, .none, .upstreamUnavailable, 502, "status_200"),
        (.socketRefused(status: 302), .server, .none, .upstreamUnavailable, 502, "status_302"),
        (.socketRefused(status: 503), .server, .none, .upstreamUnavailable, 502, "status_503"),
    ]

    @Test(arguments: rows.indices)
    func `whose fault it is, what helps, and what the client hears`(index: Int) {
        let row = Self.rows[index]
        let refusal = row.failure.refusal
        #expect(row.failure.blame == row.blame)
        #expect(row.failure.remedy == row.remedy)
        #expect(refusal.reason == row.reason)
        #expect(refusal.status == row.status)
        #expect(refusal.detail == row.detail)
        #expect(!refusal.message.isEmpty)
    }

    @Test func `who is told to come back is told when`() {
        for row in Self.rows {
            let isPassing =
                ["unreachable", "tls", "none_up"].contains(row.detail) || row.reason == .overloaded
            #expect(row.failure.refusal.retryAfterSeconds == (isPassing ? 1 : nil), "\(row.detail)")
        }
    }

    @Test func `what may help is told from what was consumed: only an accident is repeated`() {
        for row in Self.rows where row.blame != .server {
            #expect(row.remedy == .none, "\(row.detail)")
        }
    }
}

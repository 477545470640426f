import Clock
import HTTP
import JSON
import Locks
import Transport

@testable import Console

/// An endpoint that answers when a test says so.
final class Hold: Sendable {
    struct TookTooLong: Error {}

    private let responders = Guarded<[Responder]>([])

    /// The table with `GET /hold` in it.
    var endpoints: [ConsoleEndpoint] {
        let responders = responders
        return TestEndpoints.all + [
            ConsoleEndpoint(
                method: .get, path: "/hold", name: "hold", summary: "When it is time",
                answers: [.json(200, "At last", .anything)]
            ) { _, responder in responders.withLock { $0.append(responder) } }
        ]
    }

    /// Waits until so many requests were handed over.
    func wait(for count: Int) throws {
        let deadline = SystemClock.now() + .seconds(20)
        let poller = try Poller()
        while self.count < count {
            guard SystemClock.now() < deadline else { throw TookTooLong() }
            _ = poller.wait(milliseconds: 2)
        }
    }

    var count: Int { responders.withLock { $0.count } }

    /// Answers all of them.
    func release() {
        for responder in responders.withLock({ $0 }) { responder.respond(.json(200, "held")) }
    }

    /// Answers the one that came at `index`.
    func release(_ index: Int, _ text: String) {
        responders.withLock { $0[index] }.respond(.json(200, .string(text)))
    }
}

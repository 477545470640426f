import Endings
import Sessions
import Testing

@testable import Proxy

/// How a download is ended by rule.
@Suite struct DisconnectionTests {
    @Test(arguments: [
        (Reconnect.no, 403, nil), (.yes, 503, 1), (.after(.zero), 503, 0),
        (.after(.seconds(60)), 503, 60),
    ])
    func `a client library comes back only when it may`(
        reconnect: Reconnect, status: Int, seconds: Int?
    ) {
        var end = Disconnection(.kicked)
        end.reconnect = reconnect
        #expect(end.refusal.status == status && end.refusal.retryAfterSeconds == seconds)
        #expect(end.refusal.reason == .forceDisconnect && end.refusal.detail == "kicked")
        end.message = "closed today"
        #expect(end.refusal.message == "closed today")
    }
}

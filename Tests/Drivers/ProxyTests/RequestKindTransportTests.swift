import Endings
import Routing
import Sessions
import Testing

@testable import Proxy

/// What operators see a request as, and how a download is ended by rule.
@Suite struct RequestKindTransportTests {
    @Test(arguments: [
        (RequestKind.webSocket, LiveTransport?.some(.webSocket), false),
        (.events, .eventStream, false), (.stream, .stream, true),
        // Their responses have yet to say.
        (.undeclared, nil, false), (.plain, nil, true),
    ])
    func `a request lives as what its kind says`(
        kind: RequestKind, transport: LiveTransport?, isDownload: Bool
    ) {
        #expect(kind.transport == transport)
        #expect(kind.isDownload == isDownload)
    }

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

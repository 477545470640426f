import Routing
import Sessions
import Testing

@testable import Entry

/// What operators see a request as.
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
}

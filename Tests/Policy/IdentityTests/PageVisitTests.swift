import HTTP
import Identity
import Testing

@Suite struct PageVisitTests {
    private static let page = (name: "Accept", value: "text/html,*/*;q=0.8")

    private func isVisit(_ method: HTTP.Method, _ fields: [(name: String, value: String)]) -> Bool {
        PageVisit.isOne(
            RequestHead(method: method, target: 0..<0, minorVersion: 1, fields: Fields(fields)))
    }

    @Test func `who goes somewhere with a browser visits a page`() {
        #expect(isVisit(.get, [Self.page]))
        #expect(isVisit(.head, [Self.page]))
        #expect(isVisit(.get, [Self.page, ("Sec-Fetch-Mode", "navigate")]))
        #expect(isVisit(.get, [Self.page, ("Upgrade-Insecure-Requests", "1")]))
    }

    @Test(
        arguments: [
            "cors", "no-cors", "same-origin", "websocket", "Navigate", "", "navigate, cors",
        ]
    )
    func `what a script or a picture asks for is no visit`(mode: String) {
        #expect(!isVisit(.get, [Self.page, ("Sec-Fetch-Mode", mode)]))
        let twice = [(name: "sec-fetch-mode", value: "navigate"), ("SEC-FETCH-MODE", mode)]
        #expect(!isVisit(.get, [Self.page] + twice))
    }

    @Test func `what changes something is no visit, nor is a handshake or a library`() {
        for method in [HTTP.Method.post, .put, .delete, .patch, .options, .other("get")] {
            #expect(!isVisit(method, [Self.page, ("Sec-Fetch-Mode", "navigate")]))
        }
        #expect(!isVisit(.get, [Self.page, ("Upgrade", "websocket")]))
        #expect(!isVisit(.get, [Self.page, ("X-Requested-With", "XMLHttpRequest")]))
        #expect(!isVisit(.get, [("Accept", "text/event-stream, text/html")]))
        #expect(!isVisit(.get, []))
    }
}

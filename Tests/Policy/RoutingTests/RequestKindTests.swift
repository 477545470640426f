import HTTP
import Routing
import Settings
import Testing

@Suite("What a request asks for")
struct RequestKindTests {
    /// By route: a GET that accepts `text/event-stream`, and one that does not say.
    static let gets: [(RouteSettings.Kind, RequestKind, RequestKind)] = [
        (.any, .events, .undeclared), (.events, .events, .events), (.stream, .stream, .stream),
        (.webSocket, .plain, .plain),
    ]

    @Test("a GET is for an event stream where the route, or its Accept, says so", arguments: gets)
    func get(route: RouteSettings.Kind, accepting: RequestKind, silent: RequestKind) {
        let kind = { RequestKind(.get, upgrades: false, acceptsEvents: $0, on: route) }
        #expect(kind(true) == accepting)
        #expect(kind(false) == silent)
        #expect(RequestKind(.get, upgrades: true, acceptsEvents: true, on: route) == .webSocket)
    }

    @Test(
        "no other method is, whatever route and Accept say",
        arguments: [
            Method.post, .head, .put, .delete, .options, .patch, .trace, .connect, .other("QUERY"),
        ])
    func other(method: Method) {
        for route: RouteSettings.Kind in [.any, .events, .stream] {
            for accepts in [true, false] {
                let kind = RequestKind(method, upgrades: false, acceptsEvents: accepts, on: route)
                #expect(kind == (route == .stream ? .stream : .plain))
            }
        }
    }

    @Test("the answer is an event stream only where one was asked for, or nothing was said")
    func answers() {
        #expect(RequestKind.events.mayBeEvents && RequestKind.undeclared.mayBeEvents)
        for kind: RequestKind in [.plain, .stream, .webSocket] { #expect(!kind.mayBeEvents) }
    }
}

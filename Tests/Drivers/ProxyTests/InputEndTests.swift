import Routing
import Testing

@testable import Proxy

@Suite("The end of a client's input")
struct InputEndTests {
    private static let kinds: [RequestKind] = [
        .webSocket, .events, .undeclared, .stream, .plain,
    ]

    /// What it means, without and with `finish_without_client`.
    static let table: [(RequestKind, InputEnd.Standing, InputEnd, InputEnd)] = [
        (.plain, .awaiting, .leaves, .goesOn), (.plain, .response, .leaves, .goesOn),
        (.stream, .awaiting, .leaves, .goesOn), (.stream, .response, .leaves, .goesOn),
        (.undeclared, .awaiting, .leaves, .goesOn), (.undeclared, .response, .leaves, .goesOn),
        (.undeclared, .events, .isAsked, .isAsked), (.events, .awaiting, .goesOn, .goesOn),
        (.events, .events, .isAsked, .isAsked), (.events, .closedEvents, .leaves, .leaves),
        // What was asked for was a stream, what is answered is an error page.
        (.events, .response, .leaves, .goesOn), (.webSocket, .awaiting, .leaves, .leaves),
        (.webSocket, .response, .leaves, .leaves),
    ]

    @Test("ends what nobody can be asked about", arguments: table)
    func means(
        kind: RequestKind, standing: InputEnd.Standing, usually: InputEnd, finishing: InputEnd
    ) {
        let end = { InputEnd(kind, standing, isTLS: $0, finishesWithoutClient: $1) }
        #expect(end(false, false) == usually)
        #expect(end(false, true) == finishing)
    }

    @Test("with TLS ends event streams, whose clients wait for ours", arguments: table)
    func secure(kind: RequestKind, standing: InputEnd.Standing, _: InputEnd, finishing: InputEnd) {
        let end = { InputEnd(kind, standing, isTLS: true, finishesWithoutClient: $0) }
        #expect(end(false) == .leaves)
        let isStream = standing == .events || standing == .awaiting && kind == .events
        #expect(end(true) == (isStream ? .leaves : finishing))
    }

    @Test("within a body always means that its client has left")
    func body() {
        for kind in Self.kinds {
            let end = InputEnd(kind, .body, isTLS: false, finishesWithoutClient: true)
            #expect(end == .leaves)
        }
    }

    @Test("what is finished for nobody is counted as long as it lasts")
    func unattended() {
        let count = UnattendedCount()
        var lease: UnattendedLease? = UnattendedLease(count)
        #expect(count.value == 1)
        withExtendedLifetime(lease) {}
        lease = nil
        #expect(count.value == 0)
    }
}

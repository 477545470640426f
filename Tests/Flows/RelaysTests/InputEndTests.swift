import Routing
import Sessions
import Testing

@testable import Relays

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
}

@Suite struct StandingTests {
    private func standing(
        _ body: MissingBody? = nil, isClosed: Bool? = nil, isAnswered: Bool = false
    ) -> InputEnd.Standing {
        InputEnd.Standing(body, isClosed: isClosed, isAnswered: isAnswered)
    }

    @Test func `a body that cannot become whole comes first`() {
        for (remaining, unused, isMissing) in [
            (10, nil, true), (nil, nil, true), (10, 9, true), (10, 10, false), (10, .max, false),
            (nil, 0, false),
        ] as [(Int?, Int?, Bool)] {
            let body = MissingBody(remaining: remaining, unused: unused)
            #expect(standing(body) == (isMissing ? .body : .awaiting))
            #expect(standing(body, isClosed: true) == (isMissing ? .body : .closedEvents))
        }
    }

    @Test func `then events, then the response`() {
        #expect(standing(isClosed: false, isAnswered: true) == .events)
        #expect(standing(isClosed: true, isAnswered: true) == .closedEvents)
        #expect(standing(isAnswered: true) == .response)
        #expect(standing() == .awaiting)
    }
}

@Suite struct ClientLossTests {
    private func loss(
        finishes: Bool = true, isStream: Bool = false, hasServer: Bool = true,
        isWhole: Bool = true, hasFinished: Bool = false
    ) -> ClientLoss {
        ClientLoss(
            finishesWithoutClient: finishes, isStream: isStream, hasServer: hasServer,
            isWhole: isWhole, hasFinished: hasFinished)
    }

    @Test func `only what the route finishes, and the app has whole, goes on`() {
        #expect(loss() == .goesOn)
        #expect(loss(hasFinished: true) == .goesOn)
        #expect(loss(finishes: false) == .ends(.abnormal))
        #expect(loss(isStream: true) == .ends(.abnormal))
        #expect(loss(hasServer: false) == .ends(.abnormal))
        #expect(loss(isWhole: false) == .ends(.abnormal))
    }

    @Test func `who has finished sending has said goodbye`() {
        #expect(loss(finishes: false, hasFinished: true) == .ends(.normal))
        #expect(loss(isWhole: false, hasFinished: true) == .ends(.normal))
    }
}

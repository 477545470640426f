import Testing
import Upstreams

/// Every way a request and its response can stand to each other.
@Suite struct ServerTurnTests {
    struct Row: CustomTestStringConvertible, Sendable {
        var request: ServerTurn.RequestPart
        var isTaken: Bool
        var response: ServerTurn.ResponsePart
        var isRead: Bool
        var turn: ServerTurn?

        init(
            _ request: ServerTurn.RequestPart, isTaken: Bool,
            _ response: ServerTurn.ResponsePart, isRead: Bool, _ turn: ServerTurn?
        ) {
            self.request = request
            self.isTaken = isTaken
            self.response = response
            self.isRead = isRead
            self.turn = turn
        }

        var testDescription: String {
            "\(request), \(isTaken ? "taken" : "waiting"), \(response), "
                + (isRead ? "read" : "not read")
        }
    }

    private static let rows: [Row] = [
        // The client sends, and the server has taken all there is.
        .init(.body, isTaken: true, .head, isRead: true, nil),
        .init(.body, isTaken: true, .head, isRead: false, nil),
        .init(.body, isTaken: false, .head, isRead: true, .take),
        .init(.body, isTaken: false, .head, isRead: false, .take),
        // It has to say whether it wants the body.
        .init(.unaskedBody, isTaken: true, .head, isRead: true, .answer),
        .init(.unaskedBody, isTaken: true, .head, isRead: false, .answer),
        .init(.unaskedBody, isTaken: false, .head, isRead: true, .answer),
        .init(.unaskedBody, isTaken: false, .head, isRead: false, .answer),
        .init(.whole, isTaken: true, .head, isRead: true, .answer),
        .init(.whole, isTaken: true, .head, isRead: false, .answer),
        .init(.whole, isTaken: false, .head, isRead: true, .take),
        .init(.whole, isTaken: false, .head, isRead: false, .take),
        // An early answer, which may depend on what the client sends next.
        .init(.body, isTaken: true, .body, isRead: true, nil),
        .init(.body, isTaken: true, .body, isRead: false, nil),
        .init(.body, isTaken: false, .body, isRead: true, .goOn),
        .init(.body, isTaken: false, .body, isRead: false, nil),
        .init(.unaskedBody, isTaken: true, .body, isRead: true, .goOn),
        .init(.unaskedBody, isTaken: true, .body, isRead: false, nil),
        .init(.unaskedBody, isTaken: false, .body, isRead: true, .goOn),
        .init(.unaskedBody, isTaken: false, .body, isRead: false, nil),
        .init(.whole, isTaken: true, .body, isRead: true, .goOn),
        // The client does not take what came: the server is not asked for more.
        .init(.whole, isTaken: true, .body, isRead: false, nil),
        .init(.whole, isTaken: false, .body, isRead: true, .goOn),
        .init(.whole, isTaken: false, .body, isRead: false, nil),
    ]

    @Test(arguments: rows) func `is whose`(row: Row) {
        let turn = ServerTurn.next(
            request: row.request, isTaken: row.isTaken, response: row.response,
            isRead: row.isRead)
        #expect(turn == row.turn)
    }

    @Test func `the table is whole`() {
        let named = Set(Self.rows.map(\.testDescription))
        #expect(named.count == Self.rows.count)
        let parts = ServerTurn.RequestPart.allCases.count
        #expect(Self.rows.count == parts * 2 * 2 * 2)
    }

    @Test(arguments: ServerTurn.RequestPart.allCases, [true, false])
    func `an event stream is never waited for`(request: ServerTurn.RequestPart, isTaken: Bool) {
        for isRead in [true, false] {
            let turn = ServerTurn.next(
                request: request, isTaken: isTaken, response: .events, isRead: isRead)
            #expect(turn == nil)
        }
    }
}

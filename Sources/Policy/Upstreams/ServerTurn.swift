package import HTTP1

/// What a server has to do next while it answers a request; its time runs only meanwhile. At all
/// other times it is the client that is waited for, which has clocks of its own.
package enum ServerTurn: Sendable, Equatable {
    /// The server has to take octets of the request that wait for it.
    case take
    /// The server has all of the request, or is asked whether it wants the body (RFC 9110 §10.1.1),
    /// and has to begin its response.
    case answer
    /// The server has to go on with the body of its response.
    case goOn

    /// How far the request is.
    package enum RequestPart: Sendable, CaseIterable {
        /// The client has to send more of it.
        case body
        /// The client sends the body when the server says so.
        case unaskedBody
        /// All of it came, or no more of it is wanted.
        case whole
    }

    /// How far the response is.
    package enum ResponsePart: Sendable, CaseIterable {
        case head
        case body
        /// Events may come whenever they like.
        case events
    }

    /// Nil while the server is not waited for.
    ///
    /// - Parameter isTaken: nothing of the request waits for the server.
    /// - Parameter isRead: the server is read from; else the client has to take first what came.
    package static func next(
        request: RequestPart, isTaken: Bool, response: ResponsePart, isRead: Bool
    ) -> ServerTurn? {
        switch (response, request) {
        case (.events, _): nil
        case (.head, .unaskedBody): .answer
        case (.head, .body): isTaken ? nil : .take
        case (.head, .whole): isTaken ? .answer : .take
        // Whatever it answers then depends on what the client sends.
        case (.body, .body) where isTaken: nil
        case (.body, _): isRead ? .goOn : nil
        }
    }

    /// Nil while the server is not waited for.
    ///
    /// - Parameters:
    ///   - http: what became of the request on its connection.
    ///   - isTaken: nothing of the request waits for the server.
    ///   - isOpenEnded: the response is a stream, or a download as long as one.
    ///   - isRead: the server is read from; else the client has to take first what came.
    package static func next(
        _ http: borrowing ClientConnection, isTaken: Bool, isOpenEnded: Bool, isRead: Bool
    ) -> ServerTurn? {
        let requestPart: RequestPart =
            !http.wantsBody ? .whole : http.awaitsContinue ? .unaskedBody : .body
        let responsePart: ResponsePart =
            switch http.answer {
            case .nothing, .begun, .informational: .head
            case .head, .whole, .tunnel: isOpenEnded ? .events : .body
            }
        return next(
            request: requestPart, isTaken: isTaken, response: responsePart, isRead: isRead)
    }
}

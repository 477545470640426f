import Bytes
package import HTTP

/// One request on a connection of its own, and the whole answer to it, within a bound: all that
/// somebody needs who asks a server now and then. It knows no socket and no time.
///
///     waiting --head--> reading --end--> over        either --error, end of input--> over
package struct HTTPFetch: ~Copyable {
    package enum Event: Sendable {
        /// The head of the answer, before any of its body.
        case head(ResponseHead)
        /// The whole body. Nothing comes behind it.
        case body([UInt8])
        /// The server changed to the protocol that was offered. Nothing comes behind it.
        case tunnel(ResponseHead)
    }

    private var connection: ClientConnection
    private var body: [UInt8] = []
    /// The whole request.
    package private(set) var request: [UInt8] = []

    /// - Parameters:
    ///   - outline: of the request; how long its body is, is not looked at.
    ///   - lines: the request's own field lines, written by `HeadEncoder`.
    ///   - content: the request's body; nil for none.
    ///   - bodyLimit: octets of the body of the answer.
    /// - Throws: `SendError` when the method, the target or an offer is nothing to be sent.
    package init(
        _ outline: RequestOutline, target: String, lines: [UInt8], content: [UInt8]? = nil,
        bodyLimit: Int
    ) throws(SendError) {
        connection = ClientConnection(limits: .init(bodySize: bodyLimit))
        var outline = outline
        outline.body = content.map { .known($0.count) } ?? .none
        try connection.beginHead(outline, target: target, to: &request)
        request += lines
        try connection.endHead(to: &request)
        if let content, connection.wantsBody {
            try connection.send(content.span, to: &request)
            try connection.end(to: &request)
        }
    }

    /// The request was handed to the socket, which took it or not. An answer may come all the same.
    package mutating func wasSent(isTaken: Bool) { connection.wasSent(isTaken: isTaken) }

    /// What the octets of `input` say from `index` on; nil when more is needed. To be called until
    /// then, or until nothing comes behind the event.
    package mutating func receive(
        _ input: Span<UInt8>, at index: inout Int
    ) throws(ResponseError) -> Event? {
        while let event = try connection.receive(input, at: &index) {
            switch event {
            case .informational: continue
            case .head(let head, _): return .head(head)
            case .data(let range): body.append(copying: input.extracting(range))
            case .end: return .body(body)
            case .tunnel(let head): return .tunnel(head)
            }
        }
        return nil
    }

    /// Nothing more comes.
    ///
    /// - Parameter isBroken: the server did not say so; no body ends by that.
    /// - Returns: the body that is whole with it.
    /// - Throws: what is missing.
    package mutating func inputEnded(isBroken: Bool = false) throws(ResponseError) -> [UInt8] {
        switch isBroken ? connection.connectionBroke() : connection.inputEnded() {
        case .complete: return body
        case .truncated: throw .body(.incomplete)
        case .idle, .unanswered, .early, .tunnel: throw .ended
        }
    }
}

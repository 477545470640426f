import Bytes

/// A request method (RFC 9110 §9); case-sensitive.
package enum Method: Sendable, Hashable {
    case get, head, post, put, delete, connect, options, trace, patch
    case other(String)

    package init(_ token: Span<UInt8>) {
        if let method = Self.candidate(for: token), token.matches(method.name) {
            self = method
        } else {
            self = .other(token.text)
        }
    }

    /// The only registered method that `token` can be, told by length and first letter.
    private static func candidate(for token: Span<UInt8>) -> Method? {
        switch token.count {
        case 3: token[0] == UInt8(ascii: "G") ? .get : .put
        case 4: token[0] == UInt8(ascii: "P") ? .post : .head
        case 5: token[0] == UInt8(ascii: "P") ? .patch : .trace
        case 6: .delete
        case 7: token[0] == UInt8(ascii: "O") ? .options : .connect
        default: nil
        }
    }

    package var name: String {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .connect: "CONNECT"
        case .options: "OPTIONS"
        case .trace: "TRACE"
        case .patch: "PATCH"
        case .other(let name): name
        }
    }

    /// May be sent again when the connection broke before an answer came (RFC 9110 §9.2.2).
    package var isIdempotent: Bool {
        switch self {
        case .get, .head, .put, .delete, .options, .trace: true
        case .post, .connect, .patch, .other: false
        }
    }
}

/// The head of a request: method, target and fields. `fields.bytes` holds the head as received.
package struct RequestHead: Sendable {
    package var method: Method
    /// Where the request target is in `fields.bytes`, as the client wrote it.
    package var target: Range<Int>
    /// The minor version: 1 for HTTP/1.1, 0 for HTTP/1.0.
    package var minorVersion: UInt8
    package var fields: Fields

    package init(method: Method, target: Range<Int>, minorVersion: UInt8, fields: Fields) {
        self.method = method
        self.target = target
        self.minorVersion = minorVersion
        self.fields = fields
    }

    package var targetText: String { fields.bytes.text(target) }
}

/// The head of a response: status and fields. `fields.bytes` holds the head as received.
package struct ResponseHead: Sendable {
    /// 100 to 999.
    package var status: Int
    /// Where the reason phrase is in `fields.bytes`; may be empty.
    package var reason: Range<Int>
    package var minorVersion: UInt8
    package var fields: Fields

    package init(status: Int, reason: Range<Int>, minorVersion: UInt8, fields: Fields) {
        self.status = status
        self.reason = reason
        self.minorVersion = minorVersion
        self.fields = fields
    }

    package var isInformational: Bool { status < 200 }
}

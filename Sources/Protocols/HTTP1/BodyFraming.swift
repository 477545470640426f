import Bytes
package import HTTP

/// How the end of a body is found (RFC 9112 §6).
package enum BodyFraming: Sendable, Hashable {
    /// There is no body.
    case none
    /// This many octets, at least 0.
    case length(Int)
    case chunked
    /// Everything until the connection ends; responses only.
    case untilClose

    /// No octets follow the head.
    package var isEmpty: Bool {
        switch self {
        case .none, .length(0): true
        case .length, .chunked, .untilClose: false
        }
    }
}

extension BodyFraming {
    /// How the body of an answer is framed (RFC 9112 §6.3).
    ///
    /// - Parameters:
    ///   - length: nil when it is not known.
    ///   - isHead: the request's method is HEAD.
    ///   - minorVersion: the client's; to HTTP/1.0 the end of the connection has to say it.
    init(status: Int, length: Int?, isHead: Bool, minorVersion: UInt8) {
        if isHead || status < 200 || status == 204 || status == 304 {
            self = .none
        } else if let length {
            self = .length(length)
        } else {
            self = minorVersion == 1 ? .chunked : .untilClose
        }
    }
}

extension RequestHead {
    /// How the body of the request is framed (RFC 9112 §6.3).
    ///
    /// Whatever two readers could understand differently is refused: both lengths at once, several
    /// lengths even when equal, a transfer coding in HTTP/1.0, and every coding but `chunked`.
    package func bodyFraming() throws(HeadError) -> BodyFraming {
        try fields.explicitFraming(minorVersion: minorVersion) ?? .none
    }
}

extension ResponseHead {
    /// How the body of the response to a request with `requestMethod` is framed (RFC 9112 §6.3).
    /// As strict as for requests; an error means 502.
    package func bodyFraming(requestMethod: Method) throws(HeadError) -> BodyFraming {
        let explicit = try fields.explicitFraming(minorVersion: minorVersion)
        if requestMethod == .head || isInformational || status == 204 || status == 304 {
            return .none
        }
        return explicit ?? .untilClose
    }

    /// How many octets the body has, or would have in the answer to a GET (RFC 9110 §8.6); nil when
    /// `Content-Length` does not say so.
    ///
    /// - Parameter framing: as `bodyFraming(requestMethod:)` has it.
    /// - Throws: as that.
    package func contentLength(_ framing: BodyFraming) throws(HeadError) -> Int? {
        switch framing {
        case .length(let length): return length
        case .chunked, .untilClose: return nil
        case .none:
            guard case .length(let length) = try fields.explicitFraming(minorVersion: minorVersion)
            else { return nil }
            return length
        }
    }
}

extension Fields {
    /// The framing that Transfer-Encoding or Content-Length name; nil when neither is there.
    fileprivate func explicitFraming(minorVersion: UInt8) throws(HeadError) -> BodyFraming? {
        if let coding = range(of: .transferEncoding) {
            guard !contains(.contentLength), minorVersion == 1 else { throw .conflictingFraming }
            if count(of: .transferEncoding) == 1,
                bytes.span.extracting(coding).matchesIgnoringCase("chunked")
            {
                return .chunked
            }
            throw endsOnceChunked ? .unsupportedTransferCoding : .conflictingFraming
        }
        guard let length = range(of: .contentLength) else { return nil }
        guard count(of: .contentLength) == 1 else { throw .conflictingFraming }
        return .length(try Self.contentLength(bytes.span.extracting(length)))
    }

    /// True when `chunked` is applied at most once, and last (RFC 9112 §6.1, §7.1): whatever comes
    /// before it is a coding we do not know, but the framing is no trap.
    private var endsOnceChunked: Bool {
        var elements = ListElements(of: .transferEncoding, in: self)
        var chunkedCount = 0
        var isLast = false
        while let element = elements.next() {
            isLast = bytes.span.extracting(element).matchesIgnoringCase("chunked")
            chunkedCount += isLast ? 1 : 0
        }
        return chunkedCount == 0 || chunkedCount == 1 && isLast
    }

    /// The longest length that fits; more digits are leading zeros, which other readers refuse.
    private static let maximumDigitCount = 19

    /// `1*DIGIT` (RFC 9110 §8.6).
    private static func contentLength(_ text: Span<UInt8>) throws(HeadError) -> Int {
        guard !text.isEmpty, text.count <= maximumDigitCount else { throw .illegalContentLength }
        var length = 0
        for index in text.indices {
            guard ASCII.isDigit(text[index]) else { throw .illegalContentLength }
            let (product, overflow) = length.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int(text[index] - 0x30))
            guard !overflow, !carry else { throw .illegalContentLength }
            length = sum
        }
        return length
    }
}

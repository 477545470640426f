import Bytes
package import HTTP

/// Reads request heads off a connection, one after the other (RFC 9112 §2.1, §3, §5).
///
/// ```
/// skipping empty lines -> request line -> fields -> (head) -> skipping empty lines …
///                 any of them -> dead
/// ```
package struct RequestHeadDecoder: ~Copyable, Sendable {
    private var reader: HeadReader<RequestLine>
    /// Octets of empty lines skipped since the last head (RFC 9112 §2.2); odd inside one.
    private var skippedCount = 0

    /// Old clients put one empty line after a body; twice that is generous.
    private static let maximumSkippedCount = 4

    package init(limits: HeadLimits) { reader = HeadReader(limits: limits) }

    /// True when no octet of a next request was read: the connection is idle, not waiting for the
    /// rest of a head. An idle decoder holds no buffer.
    package var isIdle: Bool { reader.isIdle }

    /// Octets of a head that is not whole yet.
    package var keptCount: Int { reader.keptCount }
    /// The next head may be of another size. A head that has begun keeps its limits, and one that
    /// was refused stays so.
    package mutating func use(_ limits: HeadLimits) {
        if reader.isIdle { reader = HeadReader(limits: limits) }
    }

    /// The next head; nil when more is needed.
    ///
    /// `index` is moved past what was read: all of the input, or up to the end of the head; what
    /// comes after belongs to the body. After an error the decoder throws the same again for ever,
    /// and the connection must be closed once the error is answered.
    package mutating func decode(
        _ input: Span<UInt8>, at index: inout Int
    ) throws(HeadError) -> RequestHead? {
        if reader.isIdle { try skipEmptyLines(input, at: &index) }
        guard index < input.count || reader.failure != nil,
            let (line, fields) = try reader.read(input, at: &index)
        else { return nil }
        skippedCount = 0
        let head = RequestHead(
            method: Method(fields.bytes.span.extracting(0..<line.methodEnd)), target: line.target,
            minorVersion: line.version.minor ?? 1, fields: fields)
        do throws(HeadError) {
            try head.checkTarget()
            try head.checkHost()
        } catch {
            reader.kill(error)
            throw error
        }
        return head
    }

    private mutating func skipEmptyLines(
        _ input: Span<UInt8>, at index: inout Int
    ) throws(HeadError) {
        while index < input.count {
            let isInside = skippedCount % 2 == 1
            let wanted = isInside ? ASCII.lineFeed : ASCII.carriageReturn
            if input[index] == wanted, skippedCount < Self.maximumSkippedCount {
                skippedCount += 1
                index += 1
            } else {
                guard !isInside else {
                    reader.kill(.malformedStartLine)
                    throw .malformedStartLine
                }
                return
            }
        }
    }
}

extension RequestHead {
    /// The four forms of a target and the methods they go with (RFC 9112 §3.2).
    fileprivate func checkTarget() throws(HeadError) {
        let text = fields.bytes.span.extracting(target)
        let isLegal =
            switch (method, text[0]) {
            case (.connect, _): Self.isAuthorityForm(text)
            case (_, UInt8(ascii: "/")): true
            case (.options, UInt8(ascii: "*")): text.count == 1
            default: Self.isAbsoluteForm(text)
            }
        guard isLegal else { throw .illegalTarget }
    }

    /// `host:port`; the port must be there (RFC 9112 §3.2.3).
    private static func isAuthorityForm(_ text: Span<UInt8>) -> Bool {
        guard Authority.isLegal(text), ASCII.isDigit(text[text.count - 1]) else { return false }
        var index = text.count - 1
        while index > 0, ASCII.isDigit(text[index]) { index -= 1 }
        return text[index] == UInt8(ascii: ":")
    }

    /// `http://authority…` or `https://authority…` (RFC 9112 §3.2.2).
    private static func isAbsoluteForm(_ text: Span<UInt8>) -> Bool {
        guard let start = Authority.start(ofAbsolute: text) else { return false }
        var end = start
        while end < text.count, !Authority.isEnd(text[end]) { end += 1 }
        return Authority.isLegal(text.extracting(start..<end))
    }

    /// Exactly one `Host` in HTTP/1.1, at most one in HTTP/1.0 (RFC 9112 §3.2). It may be empty
    /// (RFC 9110 §7.2).
    fileprivate func checkHost() throws(HeadError) {
        guard let host = fields.range(of: .host) else {
            if minorVersion == 0 { return }
            throw .missingHost
        }
        guard fields.count(of: .host) == 1 else { throw .repeatedHost }
        guard host.isEmpty || Authority.isLegal(fields.bytes.span.extracting(host)) else {
            throw .illegalHost
        }
    }
}

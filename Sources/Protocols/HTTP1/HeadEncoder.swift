import Bytes
package import HTTP

/// Writes heads and chunk framing (RFC 9112 §3, §4, §5, §7.1) at the end of an array.
///
/// Nothing that is written can split a head: a name that is no token and a value with a control in
/// it are refused, wherever they came from.
package enum HeadEncoder {
    /// `method SP target SP HTTP/1.1 CRLF`; false, and nothing written, when the method is no token
    /// or the target is not all visible ASCII.
    @discardableResult
    package static func appendRequestLine(
        method: String, target: String, to output: inout [UInt8]
    ) -> Bool {
        guard isToken(method.utf8.span), isVisible(target.utf8.span) else { return false }
        let (method, target) = (method.utf8.span, target.utf8.span)
        output.append(addingCapacity: method.count + target.count + 12) { line in
            line.append(copying: method)
            line.append(ASCII.space)
            line.append(copying: target)
            line.append(" HTTP/1.1\r\n")
        }
        return true
    }

    /// `HTTP/1.1 SP status SP reason CRLF`. The reason is the standard phrase unless given; one
    /// with a control in it is left out.
    package static func appendStatusLine(
        status: Int, reason: String? = nil, to output: inout [UInt8]
    ) {
        let phrase = reason ?? ReasonPhrase.standard(for: status)
        let octets = phrase.utf8.span
        appendStatusLine(
            status, octets.extracting(0..<(isValue(octets) ? octets.count : 0)), to: &output)
    }

    /// The status line of `head` with its own reason phrase, as HTTP/1.1.
    package static func appendStatusLine(of head: ResponseHead, to output: inout [UInt8]) {
        appendStatusLine(head.status, head.fields.bytes.span.extracting(head.reason), to: &output)
    }

    private static func appendStatusLine(
        _ status: Int, _ reason: Span<UInt8>, to output: inout [UInt8]
    ) {
        output.append(addingCapacity: reason.count + 32) { line in
            line.append("HTTP/1.1 ")
            line.append(decimal: status)
            line.append(ASCII.space)
            line.append(copying: reason)
            line.append(ASCII.carriageReturn)
            line.append(ASCII.lineFeed)
        }
    }

    /// `name: value CRLF`; false, and nothing written, when the name is no token or the value holds
    /// a control other than a tab.
    @discardableResult
    package static func appendField(
        name: String, value: String, to output: inout [UInt8]
    ) -> Bool {
        appendField(name: name, value: value.utf8.span, to: &output)
    }

    /// The same for a value that is no text, or nobody's to see.
    @discardableResult
    package static func appendField(
        name: String, value: Span<UInt8>, to output: inout [UInt8]
    ) -> Bool {
        guard isToken(name.utf8.span), isValue(value) else { return false }
        appendLine(name.utf8.span, value, to: &output)
        return true
    }

    /// The same with a name that is written out where it is called, and is not looked at again.
    @discardableResult
    package static func appendField(
        ownName name: String, value: String, to output: inout [UInt8]
    ) -> Bool {
        assert(isToken(name.utf8.span), "the name of a field is a token")
        let octets = value.utf8.span
        guard isValue(octets) else { return false }
        appendLine(name.utf8.span, octets, to: &output)
        return true
    }

    /// `Content-Length: count CRLF`.
    static func appendContentLength(_ count: Int, to output: inout [UInt8]) {
        output.append(addingCapacity: 40) { line in
            line.append("Content-Length: ")
            line.append(decimal: count)
            line.append(ASCII.carriageReturn)
            line.append(ASCII.lineFeed)
        }
    }

    /// A field line as it was received.
    package static func appendField(
        copying line: Fields.Line, of fields: Fields, to output: inout [UInt8]
    ) {
        let span = fields.bytes.span
        appendLine(span.extracting(line.name), span.extracting(line.value), to: &output)
    }

    private static func appendLine(
        _ name: Span<UInt8>, _ value: Span<UInt8>, to output: inout [UInt8]
    ) {
        output.append(addingCapacity: name.count + value.count + 4) { line in
            line.append(copying: name)
            line.append(UInt8(ascii: ":"))
            line.append(ASCII.space)
            line.append(copying: value)
            line.append(ASCII.carriageReturn)
            line.append(ASCII.lineFeed)
        }
    }

    /// Whether the connection goes on, where that has to be said (RFC 9112 §9.3, §9.6), and that
    /// the head has a field `Upgrade` (RFC 9110 §7.8).
    static func appendConnection(
        isLast: Bool, minorVersion: UInt8, namesUpgrade: Bool, to output: inout [UInt8]
    ) {
        let persistence = isLast ? "close" : minorVersion == 0 ? "keep-alive" : ""
        if !namesUpgrade, persistence.isEmpty { return }
        output.append("Connection: ")
        if namesUpgrade { output.append(persistence.isEmpty ? "Upgrade" : "Upgrade, ") }
        output.append(persistence)
        output.append("\r\n")
    }

    /// The empty line that ends a head.
    package static func appendEnd(to output: inout [UInt8]) {
        output.append(ASCII.carriageReturn)
        output.append(ASCII.lineFeed)
    }

    /// What comes before the data of a chunk. `size` is above 0: a size of 0 would end the body.
    package static func appendChunkHeader(size: Int, to output: inout [UInt8]) {
        precondition(size > 0, "an empty chunk ends the body")
        output.append(hexadecimal: size)
        output.append("\r\n")
    }

    /// What comes after the data of a chunk.
    package static func appendChunkEnd(to output: inout [UInt8]) { appendEnd(to: &output) }

    /// The last chunk, the trailers and the empty line that ends the body.
    package static func appendLastChunk(trailers: Fields? = nil, to output: inout [UInt8]) {
        output.append("0\r\n")
        if let trailers {
            for line in trailers.lines { appendField(copying: line, of: trailers, to: &output) }
        }
        output.append("\r\n")
    }

    /// True for what a name, a method or a protocol is made of (RFC 9110 §5.6.2).
    static func isToken(_ text: Span<UInt8>) -> Bool {
        for index in text.indices where !ASCII.isToken(text[index]) { return false }
        return !text.isEmpty
    }

    private static func isVisible(_ text: Span<UInt8>) -> Bool {
        for index in text.indices where !ASCII.isVisible(text[index]) { return false }
        return !text.isEmpty
    }

    private static func isValue(_ text: Span<UInt8>) -> Bool {
        // All are counted, so that many are looked at in one step.
        var legalCount = 0
        for index in text.indices { legalCount &+= FieldScanner.isValueOctet(text[index]) ? 1 : 0 }
        return legalCount == text.count
    }
}

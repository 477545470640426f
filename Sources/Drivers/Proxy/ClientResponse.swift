internal import Bytes
internal import HTTP
internal import HTTP1
internal import Identity
internal import Sessions
internal import Settings

/// The head a client receives from an upstream.
enum ClientResponse {
    static func append(
        _ head: ResponseHead, framing: BodyFraming, isLast: Bool, context: RequestContext,
        date: [UInt8], to output: inout [UInt8]
    ) {
        HeadEncoder.appendStatusLine(of: head, to: &output)
        let hopByHop = HopByHop(head.fields)
        let hasLength = head.status != 204 && framing.keepsContentLength
        for line in head.fields.lines where !hopByHop.isDropped(line, of: head.fields) {
            if isOurs(line, of: head.fields, context) { continue }
            if line.known == .contentLength, !hasLength { continue }
            HeadEncoder.appendField(copying: line, of: head.fields, to: &output)
        }
        // `Connection` cannot take it away: it is a field that is known.
        if !head.fields.contains(.date) { output.append(contentsOf: date) }
        appendCrossOrigin(besides: head.fields, context, to: &output)
        context.answerFields.append(to: &output)
        appendSessionID(context, to: &output)
        if framing == .chunked { output.append("Transfer-Encoding: chunked\r\n") }
        let upgrades = head.status == 426 && head.fields.contains(.upgrade)
        if upgrades { appendUpgrade(head.fields, to: &output) }
        appendConnection(
            isLast: isLast, minorVersion: context.minorVersion, upgrades: upgrades, to: &output)
        HeadEncoder.appendEnd(to: &output)
    }

    /// Live connections have a name of ours, and what `cors` and `response_header` are about is
    /// ours to say.
    static func isOurs(
        _ line: Fields.Line, of fields: Fields, _ context: RequestContext
    ) -> Bool {
        let name = fields.bytes.span.extracting(line.name)
        if context.answerFields.replaces(name) { return true }
        guard line.known == .other else { return false }
        if !context.crossOrigin.isEmpty, CrossOriginRule.isOwn(fieldName: name) { return true }
        return context.live != nil && name.readsAs("x-session-id")
    }

    /// Which pages may read the answer; `Vary` says no more than the application does already.
    private static func appendCrossOrigin(
        besides fields: Fields, _ context: RequestContext, to output: inout [UInt8]
    ) {
        for (name, value) in context.crossOrigin
        where name != "Vary" || context.answerFields.replaces(name) || !fields.varies(by: value) {
            HeadEncoder.appendField(name: name, value: value, to: &output)
        }
    }

    /// What a client refreshes its token by, that can read headers, and the name of its device
    /// where it was given one.
    static func appendSessionID(_ context: RequestContext, to output: inout [UInt8]) {
        if let live = context.live {
            HeadEncoder.appendField(name: "X-Session-Id", value: live.id.description, to: &output)
        }
        if let cookie = context.setCookie {
            HeadEncoder.appendField(name: "Set-Cookie", value: cookie, to: &output)
        }
    }

    /// The trailers of a response, without fields that are ours to say.
    static func trailers(_ fields: Fields, _ context: RequestContext) -> Fields {
        Fields(
            bytes: fields.bytes, lines: fields.lines.filter { !isOurs($0, of: fields, context) })
    }

    /// `100 Continue`, `103 Early Hints`; HTTP/1.0 clients know none of them (RFC 9110 §15.2).
    static func appendInformational(
        _ head: ResponseHead, context: RequestContext, to output: inout [UInt8]
    ) {
        guard context.minorVersion == 1 else { return }
        HeadEncoder.appendStatusLine(of: head, to: &output)
        let hopByHop = HopByHop(head.fields)
        for line in head.fields.lines where !hopByHop.isDropped(line, of: head.fields) {
            // RFC 9110 §8.6.
            if line.known == .contentLength || isOurs(line, of: head.fields, context) { continue }
            HeadEncoder.appendField(copying: line, of: head.fields, to: &output)
        }
        HeadEncoder.appendEnd(to: &output)
    }

    /// What has to be spoken instead is what a 426 is about (RFC 9110 §15.5.22); elsewhere
    /// `Upgrade` is between the application and the gateway.
    private static func appendUpgrade(_ fields: Fields, to output: inout [UInt8]) {
        for line in fields.lines where line.known == .upgrade {
            HeadEncoder.appendField(copying: line, of: fields, to: &output)
        }
    }

    /// - Parameter upgrades: the answer has a field `Upgrade`, which `Connection` has to name
    ///   (RFC 9110 §7.8).
    static func appendConnection(
        isLast: Bool, minorVersion: UInt8, upgrades: Bool = false, to output: inout [UInt8]
    ) {
        let persistence = isLast ? "close" : minorVersion == 0 ? "keep-alive" : ""
        if upgrades {
            output.append("Connection: Upgrade\(persistence.isEmpty ? "" : ", ")")
        } else if persistence.isEmpty {
            return
        } else {
            output.append("Connection: ")
        }
        output.append(persistence)
        output.append("\r\n")
    }
}

extension Fields {
    /// True when `Vary` names a field, or everything (RFC 9110 §12.5.5).
    fileprivate func varies(by name: String) -> Bool {
        let span = bytes.span
        for line in lines where span.extracting(line.name).matchesIgnoringCase("vary") {
            var rest = line.value
            while !rest.isEmpty {
                let comma = span.extracting(rest).firstIndex(of: UInt8(ascii: ","))
                let end = comma.map { rest.lowerBound + $0 } ?? rest.upperBound
                let element = span.extracting(span.trimmingWhitespace(rest.lowerBound..<end))
                if element.matchesIgnoringCase(name) || element.matches("*") { return true }
                rest = min(end + 1, rest.upperBound)..<rest.upperBound
            }
        }
        return false
    }
}

internal import Bytes
internal import Clients
internal import Entry
internal import HTTP
internal import HTTP1
internal import Identity
internal import Loop
internal import Sessions

/// The head of a response to a client, as a value: what stands in it besides what the connection
/// says of itself and of the body's framing.
struct ClientResponse {
    enum Head {
        /// The app's, as far as it goes on to the client; informational ones, too.
        case app(ResponseHead)
        /// The gateway's own.
        case own(status: Int, fields: [(name: String, value: String)])
    }

    let head: Head
    let context: RequestContext
    /// Octets of the body, or how many there would be in the answer to a GET; nil when that is not
    /// known, or may not hold on the way.
    let length: Int?

    /// The head has a field `Upgrade`: what has to be spoken instead is what a 426 is about
    /// (RFC 9110 §15.5.22). Elsewhere `Upgrade` is between the application and the gateway.
    private var namesUpgrade: Bool {
        switch head {
        case .app(let head): head.status == 426 && head.fields.contains(.upgrade)
        case .own(let status, _): status == 426
        }
    }

    /// The head needs a line that says when it was made (RFC 9110 §6.6.1).
    private var needsDate: Bool {
        switch head {
        // `Connection` cannot take it away: it is a field that is known.
        case .app(let head): !head.isInformational && !head.fields.contains(.date)
        case .own: true
        }
    }

    /// Writes the head by the rules of the connection.
    ///
    /// - Returns: false when no such response can be given now.
    func append(to stream: ClientStream) -> Bool {
        let isDue =
            switch head {
            case .app(let head): stream.beginHead(of: head)
            case .own(let status, _): stream.beginHead(status: status)
            }
        guard isDue else { return false }
        let loop = context.thread.loop
        appendFields(date: needsDate ? loop.date : [], to: &loop.scratch)
        return stream.endHead(length: length, namesUpgrade: namesUpgrade)
    }

    private func appendFields(date: [UInt8], to output: inout [UInt8]) {
        switch head {
        case .app(let head):
            appendPassedOn(head, to: &output)
            if head.isInformational { return }
            output.append(contentsOf: date)
            appendCrossOrigin(besides: head.fields, to: &output)
            context.found.answerFields.append(to: &output)
            Self.appendSessionID(context, to: &output)
        case .own(_, let fields):
            output.append(contentsOf: date)
            for (name, value) in fields {
                HeadEncoder.appendField(name: name, value: value, to: &output)
            }
            for (name, value) in context.found.crossOrigin {
                HeadEncoder.appendField(name: name, value: value, to: &output)
            }
            context.found.answerFields.append(besides: fields, to: &output)
            if namesUpgrade {
                HeadEncoder.appendField(name: "Upgrade", value: "websocket", to: &output)
            }
        }
    }

    /// The app's own field lines, but for those that end here or are the gateway's to say, and for
    /// `Content-Length`, which is the connection's.
    private func appendPassedOn(_ head: ResponseHead, to output: inout [UInt8]) {
        let fields = head.fields
        let hopByHop = HopByHop(fields)
        for line in fields.lines {
            if line.known == .contentLength || Self.isOurs(line, of: fields, context) { continue }
            if hopByHop.isDropped(line, of: fields), line.known != .upgrade || !namesUpgrade {
                continue
            }
            HeadEncoder.appendField(copying: line, of: fields, to: &output)
        }
    }

    /// Live connections have a name of ours, and what `cors` and `response_header` are about is
    /// ours to say.
    static func isOurs(_ line: Fields.Line, of fields: Fields, _ context: RequestContext) -> Bool {
        let name = fields.bytes.span.extracting(line.name)
        if context.found.answerFields.replaces(name) { return true }
        guard line.known == .other else { return false }
        if !context.found.crossOrigin.isEmpty, CrossOriginRule.isOwn(fieldName: name) {
            return true
        }
        return context.live != nil && name.readsAs("x-session-id")
    }

    /// Which pages may read the answer; `Vary` says no more than the application does already.
    private func appendCrossOrigin(besides fields: Fields, to output: inout [UInt8]) {
        for (name, value) in context.found.crossOrigin
        where name != "Vary" || context.found.answerFields.replaces(name)
            || !fields.varies(by: value)
        {
            HeadEncoder.appendField(name: name, value: value, to: &output)
        }
    }

    /// What a client refreshes its token by, that can read headers, and the names of its device and
    /// of its server where it was given one.
    static func appendSessionID(_ context: RequestContext, to output: inout [UInt8]) {
        if let live = context.live {
            HeadEncoder.appendField(name: "X-Session-Id", value: live.id.description, to: &output)
        }
        for case let cookie? in [context.found.setCookie, context.serverCookie] {
            HeadEncoder.appendField(name: "Set-Cookie", value: cookie, to: &output)
        }
    }

    /// The trailers of a response, without fields that are ours to say.
    static func trailers(_ fields: Fields, _ context: RequestContext) -> Fields {
        Fields(
            bytes: fields.bytes, lines: fields.lines.filter { !isOurs($0, of: fields, context) })
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

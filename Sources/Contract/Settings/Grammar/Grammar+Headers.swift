internal import Bytes

/// `header`, `response_header` and `hsts`.
extension Grammar {
    static let headerSynopsis = "NAME TEXT | [TEXT] secret env:NAME|file:PATH | remove"
    static let responseHeaderSynopsis = "NAME TEXT | remove"
    static let transportSynopsis = "DURATION [subdomains] [preload] | off"

    // MARK: header

    static func readHeader(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        if draft.saysFirst(directive.name) { draft.settings.headers = [] }
        let rule = HeaderRule.read(directive, captures: draft.captures ?? [], &reading)
        add(rule, to: &draft.settings.headers, directive, &reading)
    }

    static func readRewriteHeader(
        _ draft: inout RewriteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        let rule = HeaderRule.read(directive, captures: draft.captures, &reading)
        add(rule, to: &draft.settings.headers, directive, &reading)
    }

    // MARK: response_header

    static func readResponseHeader(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        if draft.saysFirst(directive.name) {
            draft.settings.responseHeaders = []
            draft.responseHeaders = []
        }
        let rule = HeaderRule.readAnswer(directive, captures: draft.captures ?? [], &reading)
        add(rule, to: &draft.settings.responseHeaders, directive, &reading)
        draft.responseHeaders.append(directive.arguments[0])
    }

    static func readRewriteResponseHeader(
        _ draft: inout RewriteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        let rule = HeaderRule.readAnswer(directive, captures: draft.captures, &reading)
        add(rule, to: &draft.settings.responseHeaders, directive, &reading)
    }

    private static func add(
        _ rule: HeaderRule?, to rules: inout [HeaderRule], _ directive: Directive,
        _ reading: inout Reading
    ) {
        guard let rule else { return }
        let name = rule.name.foldedFieldName
        let isContradicted = rules.contains {
            $0.name.foldedFieldName == name && ($0.action == .remove) != (rule.action == .remove)
        }
        if isContradicted {
            let word = directive.arguments[0]
            reading.error(
                "\(word.shown) is both set and removed: setting it already replaces the old value",
                at: word)
        }
        rules.append(rule)
    }

    // MARK: hsts

    static func readTransport(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        draft.transport = directive.name
        if directive.arguments.count == 1, directive.arguments[0].text == "off" {
            draft.settings.transport = .off
        } else if let transport = strictTransport(directive, &reading) {
            draft.settings.transport = .said(transport)
        }
    }

    static func readListenerTransport(
        _ draft: inout ListenerDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        if directive.arguments.count == 1, directive.arguments[0].text == "off" { return }
        draft.transport = directive.name
        draft.settings.transport = strictTransport(directive, &reading)
    }

    private static func strictTransport(
        _ directive: Directive, _ reading: inout Reading
    ) -> StrictTransport? {
        let kind = ValueKind.duration(.zero ... .days(3650))
        let time = directive.arguments[0]
        guard let maxAge = kind.read(time, &reading) else { return nil }
        if maxAge.components.attoseconds != 0 {
            reading.error("browsers read whole seconds only", at: time)
        }
        var transport = StrictTransport(maxAge: maxAge)
        for word in directive.arguments.dropFirst() {
            let isTwice =
                word.text == "subdomains" && transport.includesSubdomains
                || word.text == "preload" && transport.isPreloaded
            if isTwice { reading.error("\(word.shown) is named twice", at: word) }
            switch word.text {
            case "subdomains": transport.includesSubdomains = true
            case "preload": transport.isPreloaded = true
            case "includeSubDomains":
                reading.error("\(word.shown) is unknown (did you mean 'subdomains'?)", at: word)
            default:
                reading.error(Choice.message(word, among: ["subdomains", "preload"]), at: word)
            }
        }
        if transport.isPreloaded, !transport.includesSubdomains || maxAge < .days(365) {
            reading.warn(
                "browsers accept a name for their preload lists only with 'subdomains' and at"
                    + " least 365d",
                at: directive.name.location)
        }
        return transport
    }
}

extension HeaderRule {
    /// `header NAME …`; what frames and routes a message is not the operator's to set.
    fileprivate static func read(
        _ directive: Directive, captures: [String], _ reading: inout Reading
    ) -> HeaderRule? {
        let words = directive.arguments
        guard let field = ValueKind<String>.ownFieldName.read(words[0], &reading) else {
            return nil
        }
        if HeaderNames.isOfAnswers(field) {
            let hint =
                field.foldedFieldName == "strict-transport-security"
                ? "'hsts 180d'" : "'response_header \(field) …'"
            reading.warn(
                "'header' is for the request to the app, and \(words[0].shown) has a meaning in"
                    + " answers only (write \(hint))", at: words[0].location)
        }
        if words.count > 2 { return credentials(field, words, &reading) }
        if words[1].isRemove { return HeaderRule(name: field, .remove) }
        checkReference(words[1], field, &reading)
        let template = value(words[1], captures: captures, &reading)
        let isLiteral = template.parts.contains { if case .text = $0 { true } else { false } }
        if HeaderNames.holdsCredentials(field), isLiteral, template.parts.count == 1 {
            reading.warn(
                "a password of the app must not be written into the configuration (write 'header"
                    + " \(field) [TEXT] secret env:NAME')", at: words[0].location)
        }
        return HeaderRule(name: field, value: template)
    }

    /// `response_header NAME …`.
    fileprivate static func readAnswer(
        _ directive: Directive, captures: [String], _ reading: inout Reading
    ) -> HeaderRule? {
        let (name, text) = (directive.arguments[0], directive.arguments[1])
        guard let field = ValueKind<String>.answerFieldName.read(name, &reading) else {
            return nil
        }
        if HeaderNames.isOfRequests(field) {
            reading.warn(
                "'response_header' is for the answer, and \(name.shown) has a meaning in requests"
                    + " only (write 'header \(field) …')", at: name.location)
        }
        if text.isRemove { return HeaderRule(name: field, .remove) }
        switch field.foldedFieldName {
        case "set-cookie":
            reading.error(
                "\(name.shown) would replace every cookie that the app sets (only 'remove' is"
                    + " possible)", at: name)
        case "strict-transport-security":
            reading.error(
                "\(name.shown) is for https only (write 'hsts 180d')", at: name)
        default: break
        }
        return HeaderRule(name: field, value: value(text, captures: captures, &reading))
    }

    /// A reference without the word `secret` in front would be sent as it stands.
    private static func checkReference(
        _ word: Word, _ field: String, _ reading: inout Reading
    ) {
        let isReference = word.text.hasPrefix("env:") || word.text.hasPrefix("file:")
        guard isReference, !word.isQuoted else { return }
        reading.error(
            "this text itself would be sent (write 'header \(field) secret"
                + " \(word.text.printable())', or put it in quotes)", at: word)
    }

    private static func value(
        _ word: Word, captures: [String], _ reading: inout Reading
    ) -> Template {
        let known = Placeholder.allCases.map(\.rawValue) + captures
        let template = Template(word, known: known, &reading)
        if template.fixedText.unicodeScalars.contains(where: { $0.isForbidden }) {
            reading.error(
                "a header value must not contain line breaks or other control characters", at: word)
        }
        return template
    }

    // MARK: Credentials

    /// `header NAME [TEXT] secret env:NAME|file:PATH`: the text, a space and the secret.
    private static func credentials(
        _ field: String, _ words: [Word], _ reading: inout Reading
    ) -> HeaderRule? {
        let place = words.count - 2
        guard words[place].text == "secret", !words[place].isQuoted else {
            reading.error(
                "a text with spaces needs quotes; a secret comes after the word 'secret', as in"
                    + " 'header \(field) Bearer secret env:NAME'", at: words[2])
            return nil
        }
        let prefix = words.count == 4 ? words[1] : nil
        if let prefix, prefix.text.unicodeScalars.contains(where: { $0.isForbidden }) {
            reading.error(
                "a header value must not contain line breaks or other control characters",
                at: prefix)
        }
        let word = words[place + 1]
        guard let secret = ValueKind<Secret>.secret.read(word, &reading) else { return nil }
        guard isFieldValue(secret.octets) else {
            reading.error(
                "this secret cannot be a header value: it contains line breaks or other control"
                    + " characters, or begins or ends with a space", at: word)
            return nil
        }
        let scheme = prefix?.text.split(separator: " ").joined(separator: " ") ?? ""
        if scheme.lowercased() == "basic", secret.octets.contains(UInt8(ascii: ":")) {
            reading.error(
                "after 'Basic', user and password must be in base64 (printf %s USER:PASSWORD |"
                    + " base64)",
                at: word)
        }
        let text = scheme.isEmpty ? [] : Array((scheme + " ").utf8)
        return HeaderRule(name: field, .credentials(Secret(text + secret.octets)))
    }

    /// RFC 9110 §5.5.
    private static func isFieldValue(_ octets: [UInt8]) -> Bool {
        let isClean = octets.allSatisfy { $0 == ASCII.tab || $0 >= ASCII.space && $0 != 0x7F }
        return isClean && octets.span.trimmingWhitespace(0..<octets.count).count == octets.count
    }
}

extension Word {
    /// In quotes it is a text like any other.
    fileprivate var isRemove: Bool { text == "remove" && !isQuoted }
}

/// `log`, `trust`, `limits`, `listen`: what holds before a route is known.
extension Grammar {
    static func readLog(
        _ document: inout Document, _ directive: Directive, _ reading: inout Reading
    ) {
        log.read(directive.block ?? [], into: &document.settings.log, &reading)
    }

    static func readLimits(
        _ document: inout Document, _ directive: Directive, _ reading: inout Reading
    ) {
        limits.read(directive.block ?? [], into: &document.settings.limits, &reading)
    }

    /// `access off`, `access json stdout`.
    static func readAccessLog(
        _ log: inout LogSettings, _ directive: Directive, _ reading: inout Reading
    ) {
        let format = directive.arguments[0]
        switch (format.text, directive.arguments.count) {
        case ("off", 1): log.access = .off
        case ("off", _):
            reading.error("unexpected word after 'access off'", at: directive.arguments[1])
        case ("json", 2):
            let target = directive.arguments[1]
            switch target.text {
            case "stdout": log.access = .standardOutput
            case "stderr": log.access = .standardError
            case "":
                reading.error("expected stdout, stderr or a path", at: target)
            default:
                log.access = .file(reading.resolve(target.text, from: target))
                log.accessPosition = reading.position(of: target.location)
            }
        case ("json", _):
            reading.error(
                "the target is missing (expected: access json stdout|stderr|PATH)", at: format)
        default: reading.error(Choice.message(format, among: ["json", "off"]), at: format)
        }
    }

    static func readTrust(
        _ document: inout Document, _ directive: Directive, _ reading: inout Reading
    ) {
        document.trust = document.trust ?? directive.name
        for word in directive.arguments {
            if let range = ValueKind<AddressRange>.range.read(word, &reading) {
                document.settings.trust.append(range)
            }
        }
    }

    static func readTrustedFields(
        _ document: inout Document, _ directive: Directive, _ reading: inout Reading
    ) {
        document.trustedFields = directive.name
        let kind = ValueKind<TrustedFields>.choice
        if let fields = kind.read(directive.arguments[0], &reading) {
            document.settings.trustedFields = fields
        }
    }

    static func readListener(
        _ document: inout Document, _ directive: Directive, _ reading: inout Reading
    ) {
        let word = directive.arguments[0]
        let address = ValueKind.listening.read(word, &reading)
        if let address,
            let first = document.listeners.first(where: { $0.settings.address == address })
        {
            let line = reading.firstSet(first.word.location, seenFrom: word.location)
            reading.error("\(word.shown) is used by two listeners\(line)", at: word)
        }
        var draft = ListenerDraft(
            word: word,
            settings: ListenerSettings(
                address: address ?? .unix(path: ""),
                position: reading.position(of: directive.name.location)))
        draft.settings.addressPosition = reading.position(of: word.location)
        listen.read(directive.block ?? [], into: &draft, &reading)
        if let redirect = draft.redirect, draft.tls != nil {
            reading.error("a listener with 'tls' cannot redirect to https", at: redirect)
        }
        if draft.tls == nil, let host = draft.hosts.first {
            reading.error("'host' needs a 'tls' block beside it", at: host.word)
        }
        draft.settings.tls?.hosts = draft.hosts.map(\.host)
        document.listeners.append(draft)
    }

    static func readRedirectToHTTPS(
        _ draft: inout ListenerDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        draft.redirect = directive.name
        draft.settings.redirectToHTTPS = .standard
        if directive.arguments[0].text != "https" {
            let word = directive.arguments[0]
            reading.error(Choice.message(word, among: ["https"]), at: word)
        }
        if directive.arguments.count > 1,
            let port = ValueKind.integer(1...65_535).read(directive.arguments[1], &reading)
        {
            draft.settings.redirectToHTTPS = .port(UInt16(port))
        }
    }

    /// `proxy_protocol`, `proxy_protocol on`, `proxy_protocol off`.
    static func readProxyProtocol(
        _ draft: inout ListenerDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        let word = directive.arguments.first
        guard let isOn = word.map({ ValueKind.onOff.read($0, &reading) }) ?? true else { return }
        draft.settings.expectsProxyHeader = isOn
        draft.proxyProtocol = isOn ? directive.name : nil
    }

    // MARK: Certificates

    static func readTLS(
        _ draft: inout ListenerDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        var certificate = CertificateDraft()
        tls.read(directive.block ?? [], of: directive.name, into: &certificate, &reading)
        draft.tls = directive.name
        var settings = TLSSettings(certificate: finish(certificate, &reading))
        settings.words = words(of: certificate, or: directive.name, reading)
        if let versions = certificate.versions { settings.versions = versions }
        draft.settings.tls = settings
    }

    static func readHost(
        _ draft: inout ListenerDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        let word = directive.arguments[0]
        var certificate = CertificateDraft()
        host.read(directive.block ?? [], of: directive.name, into: &certificate, &reading)
        let name = ValueKind<String>.serverName.read(word, &reading) ?? ""
        if !name.isEmpty, let first = draft.hosts.first(where: { $0.host.name == name }) {
            let line = reading.firstSet(first.word.location, seenFrom: word.location)
            reading.error("host \(word.shown) is set twice\(line)", at: word)
        }
        var host = TLSSettings.Host(
            name: name, certificate: finish(certificate, &reading),
            position: reading.position(of: directive.name.location))
        host.words = words(of: certificate, or: directive.name, reading)
        draft.hosts.append((word, host))
    }

    static func readCertificate(
        _ draft: inout CertificateDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        draft.certificate = directive.arguments[0]
    }

    static func readKey(
        _ draft: inout CertificateDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        draft.key = directive.arguments[0]
    }

    static func readVersions(
        _ draft: inout CertificateDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        let versions = directive.arguments.compactMap {
            ValueKind<TLSSettings.Version>.choice.read($0, &reading)
        }
        draft.versions = Set(versions)
    }

    /// - Parameter opening: the word to be pointed at where one of them is missing.
    private static func words(
        of draft: CertificateDraft, or opening: Word, _ reading: Reading
    ) -> TLSSettings.Words {
        TLSSettings.Words(
            certificate: reading.position(of: (draft.certificate ?? opening).location),
            key: reading.position(of: (draft.key ?? opening).location))
    }

    /// The chain and its key belong together; a certificate made up at start brings its own.
    private static func finish(
        _ draft: CertificateDraft, _ reading: inout Reading
    ) -> TLSSettings.Certificate {
        guard let certificate = draft.certificate else { return .selfSigned }
        if certificate.text == "self_signed" {
            if let key = draft.key {
                reading.error(
                    "'certificate self_signed' makes its own key: remove this line", at: key)
            }
            return .selfSigned
        }
        let guess = Spelling.closest(to: certificate.text, among: ["self_signed"])
        if guess != nil, !certificate.text.contains("/") {
            reading.error(
                Choice.message(certificate, among: ["self_signed", "a path"]), at: certificate)
            return .selfSigned
        }
        let chain = ValueKind.existingFile.read(certificate, &reading)
        guard let key = draft.key else {
            reading.error("a certificate needs its 'key PATH' beside it", at: certificate)
            return .selfSigned
        }
        let file = ValueKind.existingFile.read(key, &reading)
        return .files(chain: chain ?? "", key: file ?? "")
    }
}

/// `attempts`, `body_rate`, `response_rate`, `console`.
extension Grammar {
    /// `attempts 20`, `attempts 20 burst 40`, `attempts off`.
    static func readAttempts(
        _ limits: inout LimitSettings, _ directive: Directive, _ reading: inout Reading
    ) {
        let words = directive.arguments
        let kind = ValueKind.integer(1...100_000, or: "off")
        guard let rate = kind.read(words[0], &reading) else { return }
        guard let rate else {
            limits.failedAttempts = nil
            if words.count > 1 {
                reading.error("unexpected word after 'attempts off'", at: words[1])
            }
            return
        }
        var limit = AttemptLimit(perSecond: rate, burst: 2 * rate)
        if words.count > 1, words[1].text != "burst" {
            reading.error(Choice.message(words[1], among: ["burst"]), at: words[1])
        } else if words.count == 2 {
            reading.error("a number is missing after 'burst'", at: words[1])
        } else if words.count == 3 {
            let burst = ValueKind.integer(1...200_000).read(words[2], &reading)
            limit.burst = burst ?? limit.burst
        }
        limits.failedAttempts = limit
    }

    static func readBodyRate(
        _ limits: inout LimitSettings, _ directive: Directive, _ reading: inout Reading
    ) {
        limits.bodyRate = readRate(limits.bodyRate, directive, &reading)
    }

    static func readResponseRate(
        _ limits: inout LimitSettings, _ directive: Directive, _ reading: inout Reading
    ) {
        limits.responseRate = readRate(limits.responseRate, directive, &reading)
    }

    /// `500`, `500 over 30s`, `off`. What is not said, or not understood, stays as it was.
    private static func readRate(
        _ usual: LeastRate, _ directive: Directive, _ reading: inout Reading
    ) -> LeastRate {
        let words = directive.arguments
        let kind = ValueKind.size(1...(1024 * 1024 * 1024), or: "off")
        guard let rate = kind.read(words[0], &reading) else { return usual }
        guard let rate else {
            if words.count == 1 { return .standstill }
            reading.error("unexpected word after '\(directive.name.text) off'", at: words[1])
            return usual
        }
        var least = LeastRate(octetsPerSecond: rate, patience: usual.patience)
        if words.count > 1, words[1].text != "over" {
            reading.error(Choice.message(words[1], among: ["over"]), at: words[1])
        } else if words.count == 2 {
            reading.error("a duration is missing after 'over'", at: words[1])
        } else if words.count == 3 {
            let kind = ValueKind.duration(.seconds(1) ... .hours(1))
            least.patience = kind.read(words[2], &reading) ?? least.patience
        }
        return least
    }

    static func readConsole(
        _ document: inout Document, _ directive: Directive, _ reading: inout Reading
    ) {
        let word = directive.arguments[0]
        var draft = ConsoleDraft()
        console.read(directive.block ?? [], of: directive.name, into: &draft, &reading)
        guard let address = ValueKind.listening.read(word, &reading) else { return }
        if !address.isLocal && !draft.allowsRemote {
            reading.error(
                "other machines could reach the console at \(word.shown) (write 'allow_remote on'"
                    + " to allow that, or use 127.0.0.1)", at: word)
        }
        guard let token = draft.token else { return }
        if token.secret.octets.count < shortestToken {
            reading.warn(
                "this token is shorter than \(shortestToken) octets (make one with 'openssl rand"
                    + " -hex 32')", at: token.word.location)
        }
        var settings = ConsoleSettings(address: address, token: token.secret)
        settings.allowsRemote = draft.allowsRemote
        settings.position = reading.position(of: directive.name.location)
        settings.addressPosition = reading.position(of: word.location)
        document.settings.console = settings
        document.console = word
    }

    /// A shorter one can be guessed.
    private static let shortestToken = 16

    static func readConsoleToken(
        _ draft: inout ConsoleDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        let word = directive.arguments[0]
        if let token = ValueKind<Secret>.secret.read(word, &reading) { draft.token = (word, token) }
    }
}

/// `backend` and `sessions`, two of the blocks that routes call by name.
extension Grammar {
    // MARK: backend

    static func readBackend(
        _ document: inout Document, _ directive: Directive, _ reading: inout Reading
    ) {
        let name = readName(directive, among: document.backends, &reading)
        var settings = BackendSettings(name: name.text, servers: [])
        settings.position = reading.position(of: directive.name.location)
        backend.read(directive.block ?? [], of: directive.name, into: &settings, &reading)
        document.backends.append(BackendDraft(name: name, settings: settings))
    }

    /// `server ADDRESS [weight=N] [backup]`.
    static func readServer(
        _ settings: inout BackendSettings, _ directive: Directive, _ reading: inout Reading
    ) {
        let word = directive.arguments[0]
        let address = ValueKind.connecting.read(word, &reading)
        var server = BackendSettings.Server(address: address ?? .unix(path: ""))
        for option in directive.arguments.dropFirst() {
            if option.text == "backup" {
                server.isBackup = true
            } else if option.text.hasPrefix("weight=") {
                var number = option
                number.text = String(option.text.dropFirst(7))
                number.location = option.location(of: 7, length: max(1, number.text.count))
                server.weight = ValueKind.integer(1...1000).read(number, &reading) ?? 1
            } else {
                let name = String(option.text.prefix { $0 != "=" })
                let hint = Spelling.hint(for: name, among: ["weight", "backup"])
                reading.error("expected weight=N or backup, not \(option.shown)\(hint)", at: option)
            }
        }
        if address != nil, settings.servers.contains(where: { $0.address == server.address }) {
            reading.error("\(word.shown) is already a server of this group", at: word)
        }
        settings.servers.append(server)
    }

    // MARK: sessions

    static func readSessions(
        _ document: inout Document, _ directive: Directive, _ reading: inout Reading
    ) {
        let name = readName(directive, among: document.sessions, &reading)
        var draft = SessionDraft(
            name: name,
            settings: SessionSettings(
                name: name.text, store: .query(""), limit: .init(devices: 1, policy: .blockNew)))
        draft.settings.position = reading.position(of: directive.name.location)
        sessions.read(directive.block ?? [], of: directive.name, into: &draft, &reading)
        document.sessions.append(draft)
    }

    static func readStore(
        _ draft: inout SessionDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        guard let source = readSource(directive.arguments[0], &draft, &reading) else { return }
        draft.settings.store = source
    }

    static func readDevice(
        _ draft: inout SessionDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        draft.settings.device = []
        for word in directive.arguments {
            guard let source = readSource(word, &draft, &reading) else { continue }
            append(source, to: &draft.settings.device, word, &reading)
        }
    }

    static func readSessionRole(
        _ draft: inout SessionDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        draft.settings.role = readSource(directive.arguments[0], &draft, &reading)
    }

    static func readLimited(
        _ draft: inout SessionDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        draft.limited = directive.name
        for word in directive.arguments {
            guard let role = ValueKind<String>.text.read(word, &reading) else { continue }
            append(role, to: &draft.settings.limited, word, &reading)
        }
    }

    /// `limit 2 block_new`, `limit claim:max_devices or 2 block_new`.
    static func readSessionLimit(
        _ draft: inout SessionDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        var directive = directive
        let (words, usage) = (directive.arguments, "limit claim:NAME or N block_new|eject_old")
        if words.count > 2 || words[0].text.contains(":") {
            guard words.count == 4, words[1].text == "or" else {
                let wrong = words.count == 4 ? words[1] : words[0]
                reading.error("expected: \(usage)", at: wrong)
                return
            }
            if let source = ValueKind.source.read(words[0], &reading) {
                if case .claim(let name) = source {
                    draft.settings.limitClaim = name
                    draft.sources.append((words[0], source))
                } else {
                    reading.error(
                        "only a claim may set the limit, the request may not (expected: \(usage))",
                        at: words[0])
                }
            }
            directive.arguments.removeFirst(2)
        }
        readLimit(&draft, directive, &reading)
    }

    /// `limit N block_new|eject_old`.
    static func readLimit(
        _ draft: inout SessionDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        let devices = ValueKind.integer(1...1_000_000).read(directive.arguments[0], &reading)
        let policy = ValueKind<SessionSettings.Policy>.choice.read(
            directive.arguments[1], &reading)
        if let devices, let policy {
            draft.settings.limit = .init(devices: devices, policy: policy)
        }
    }

    /// `store 17 { limit 5 eject_old }`.
    static func readStoreOverride(
        _ draft: inout SessionDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        let word = directive.arguments[0]
        _ = ValueKind<String>.text.read(word, &reading)
        if let first = draft.limitedStores[word.text] {
            let line = reading.firstSet(first, seenFrom: word.location)
            reading.error("store \(word.shown) is set twice\(line)", at: word)
        }
        draft.limitedStores[word.text] = word.location
        var single = draft
        store.read(directive.block ?? [], of: directive.name, into: &single, &reading)
        draft.settings.stores[word.text] = single.settings.limit
    }

    /// `message block_new ko "…{max}…"`.
    static func readMessage(
        _ draft: inout SessionDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        let (word, language, text) = (
            directive.arguments[0], directive.arguments[1], directive.arguments[2]
        )
        let occasion = ValueKind<SessionSettings.Message.Occasion>.choice.read(word, &reading)
        let subtag = language.text
        let isSubtag =
            (2...8).contains(subtag.count) && subtag.utf8.allSatisfy { $0 &- 0x61 < 26 }
        if !isSubtag {
            reading.error(
                "expected a language in lower case such as ko or en, not \(language.shown)",
                at: language)
        }
        _ = Template(text, known: ["max", "store", "policy", "device"], &reading)
        guard let occasion else { return }
        let key = occasion.rawValue + " " + subtag
        if let first = draft.messages[key] {
            let line = reading.firstSet(first, seenFrom: word.location)
            reading.error("message '\(key.printable())' is set twice\(line)", at: word)
        }
        draft.messages[key] = word.location
        draft.settings.messages.append(
            .init(occasion: occasion, language: subtag, text: text.text))
    }

    // MARK: Shared

    private static func readSource(
        _ word: Word, _ draft: inout SessionDraft, _ reading: inout Reading
    ) -> ValueSource? {
        let source = ValueKind.source.read(word, &reading)
        if let source { draft.sources.append((word, source)) }
        return source
    }

    /// The name of a block, which no other block of its kind may have.
    static func readName(
        _ directive: Directive, among others: [some NamedDraft], _ reading: inout Reading
    ) -> Word {
        let word = directive.arguments[0]
        _ = ValueKind<String>.name.read(word, &reading)
        if let first = others.first(where: { $0.name.text == word.text }) {
            let line = reading.mention(first.name.location, seenFrom: word.location)
            reading.error(
                "\(directive.name.text) \(word.shown) is defined twice (first at \(line))", at: word
            )
        }
        return word
    }

    /// Adds to a list of alternatives; saying one twice is a slip.
    static func append<Value: Equatable>(
        _ value: Value, to list: inout [Value], _ word: Word, _ reading: inout Reading
    ) {
        if list.contains(value) { reading.error("\(word.shown) is named twice", at: word) }
        list.append(value)
    }
}

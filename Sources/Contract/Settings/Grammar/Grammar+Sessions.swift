internal import Bytes

/// `sessions`.
extension Grammar {
    static let deviceSynopsis = "SOURCE… [issue cookie [NAME]] | issue cookie [NAME]"
    static let limitSynopsis = "[ROLE…] [claim:NAME or] N block_new|eject_old"
    static let storeLimitSynopsis = "[ROLE…] N block_new|eject_old"
    static let graces = ValueKind.duration(.milliseconds(100) ... .hours(1)).optional("off")
    static let probes = ValueKind.duration(.milliseconds(100) ... .seconds(30)).optional("off")

    static func readSessions(
        _ document: inout Document, _ directive: Directive, _ reading: inout Reading
    ) {
        let name = readName(directive, among: document.sessions, &reading)
        var draft = SessionDraft(
            name: name,
            settings: SessionSettings(name: name.text, store: .query(""), limits: []))
        draft.settings.position = reading.position(of: directive.name.location)
        sessions.read(directive.block ?? [], of: directive.name, into: &draft, &reading)
        draft.resolve(&reading)
        document.sessions.append(draft)
    }

    static func readStore(
        _ draft: inout SessionDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        guard let source = readSource(directive.arguments[0], &draft, &reading) else { return }
        draft.settings.store = source
        draft.store = directive.arguments[0]
    }

    static func readSessionRole(
        _ draft: inout SessionDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        draft.settings.role = readSource(directive.arguments[0], &draft, &reading)
    }

    // MARK: device

    /// `device query:client_id cookie:gw_client issue cookie gw_client`, on one line or two.
    static func readDevice(
        _ draft: inout SessionDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        let words = directive.arguments
        let sources = words.prefix { $0.text != "issue" }
        if !sources.isEmpty {
            if isFirst(draft.device, directive.name, &reading) { draft.settings.device = [] }
            draft.device = directive.name
            for word in sources {
                guard let source = readSource(word, &draft, &reading) else { continue }
                append(source, to: &draft.settings.device, word, &reading)
            }
        }
        guard sources.count < words.count else { return }
        _ = isFirst(draft.issue, directive.name, &reading)
        draft.issue = directive.name
        readIssue(Array(words.dropFirst(sources.count)), &draft, &reading)
    }

    private static func isFirst(_ first: Word?, _ word: Word, _ reading: inout Reading) -> Bool {
        guard let first else { return true }
        let line = reading.firstSet(first.location, seenFrom: word.location)
        reading.error("\(word.shown) is set twice\(line)", at: word)
        return false
    }

    /// `issue cookie [NAME]`.
    private static func readIssue(
        _ words: [Word], _ draft: inout SessionDraft, _ reading: inout Reading
    ) {
        guard words.count > 1 else {
            reading.error("expected: issue cookie [NAME]", at: words[0])
            return
        }
        if words[1].text != "cookie" {
            reading.error(
                "an id can only be issued as a cookie (expected: issue cookie [NAME])", at: words[1]
            )
        } else if words.count > 3 {
            reading.error(
                "unexpected \(words[3].shown) after the cookie's name (expected: issue cookie"
                    + " [NAME])", at: words[3])
        }
        guard words.count > 2 else {
            draft.settings.issuedCookie = SessionSettings.usualCookie
            return
        }
        draft.settings.issuedCookie = ValueKind.cookieName.read(words[2], &reading)
    }

    // MARK: limits

    static func readLimited(
        _ draft: inout SessionDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        draft.limited = (directive.name, readRoles(directive.arguments[...], &reading))
    }

    static func readSessionLimit(
        _ draft: inout SessionDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        guard let limit = readLimit(directive, usage: "limit \(limitSynopsis)", &reading) else {
            return
        }
        if let claim = limit.claim { draft.sources.append(claim) }
        if limit.roles.isEmpty {
            let first = draft.limits.first { $0.roles.isEmpty }?.word
            guard isFirst(first, directive.name, &reading) else { return }
        }
        draft.limits.append(limit)
    }

    static func readStoreLimit(
        _ draft: inout StoreDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        let usage = "limit \(storeLimitSynopsis)"
        guard let limit = readLimit(directive, usage: usage, &reading) else { return }
        if let claim = limit.claim {
            reading.error(
                "a claim can only be used in the limit of the block, for all stores (expected:"
                    + " \(usage))",
                at: claim.word)
        }
        draft.limits.append(limit)
    }

    /// `limit 2 block_new`, `limit claim:max_devices or 2 block_new`, `limit kiosk 10 eject_old`.
    private static func readLimit(
        _ directive: Directive, usage: String, _ reading: inout Reading
    ) -> LimitDraft? {
        var words = directive.arguments[...]
        guard let last = words.popLast(), let number = words.popLast() else { return nil }
        var draft = LimitDraft(
            word: directive.name, roles: [], limit: .init(devices: 1, policy: .blockNew))
        if words.last?.text == "or" {
            words.removeLast()
            guard let word = words.popLast() else {
                reading.error("expected: \(usage)", at: directive.name)
                return nil
            }
            draft.claim = readLimitClaim(word, usage, &reading)
        }
        if let stray = (words + [number]).first(where: { $0.text.contains(":") && !$0.isQuoted }) {
            reading.error("expected: \(usage)", at: stray)
            return nil
        }
        draft.roles = readRoles(words, &reading)
        let devices = ValueKind.integer(1...1_000_000).read(number, &reading)
        let policy = ValueKind<SessionSettings.Policy>.choice.read(last, &reading)
        guard let devices, let policy else { return nil }
        draft.limit = .init(devices: devices, policy: policy)
        return draft
    }

    private static func readLimitClaim(
        _ word: Word, _ usage: String, _ reading: inout Reading
    ) -> (word: Word, source: ValueSource)? {
        guard let source = ValueKind.source.read(word, &reading) else { return nil }
        if case .claim = source { return (word, source) }
        reading.error(
            "the limit may come from a claim, but not from the request (expected: \(usage))",
            at: word)
        return nil
    }

    private static func readRoles(
        _ words: ArraySlice<Word>, _ reading: inout Reading
    ) -> [Word] {
        var roles: [Word] = []
        for word in words {
            guard ValueKind<String>.text.read(word, &reading) != nil else { continue }
            if roles.contains(where: { $0.text == word.text }) {
                reading.error("\(word.shown) is named twice", at: word)
                continue
            }
            if !word.isQuoted, word.text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
                reading.error("a role that is a number needs quotes", at: word)
            }
            roles.append(word)
        }
        return roles
    }

    /// `store 17 { limit 5 eject_old }`.
    static func readStoreOverride(
        _ draft: inout SessionDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        let word = directive.arguments[0]
        _ = ValueKind<String>.text.read(word, &reading)
        if let first = draft.stores.first(where: { $0.name.text == word.text }) {
            let line = reading.firstSet(first.name.location, seenFrom: word.location)
            reading.error("store \(word.shown) is set twice\(line)", at: word)
        }
        var single = StoreDraft(name: word)
        store.read(directive.block ?? [], of: directive.name, into: &single, &reading)
        draft.stores.append(single)
    }

    // MARK: message

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

    private static func readSource(
        _ word: Word, _ draft: inout SessionDraft, _ reading: inout Reading
    ) -> ValueSource? {
        let source = ValueKind.source.read(word, &reading)
        if let source { draft.sources.append((word, source)) }
        return source
    }
}

extension SessionDraft {
    /// Lines that may stand in any order, put together when all are read.
    mutating func resolve(_ reading: inout Reading) {
        if let cookie = settings.issuedCookie, !settings.device.contains(.cookie(cookie)) {
            settings.device.append(.cookie(cookie))
        }
        joinLimited(&reading)
        var owners: [String: Word] = [:]
        for role in limits.flatMap(\.roles) {
            if let first = owners[role.text] {
                let line = reading.mention(first.location, seenFrom: role.location)
                reading.error("\(role.shown) has a limit already (at \(line))", at: role)
            }
            owners[role.text] = role
        }
        settings.limits = limits.map { draft in
            var limit = SessionSettings.RoleLimit(
                roles: draft.roles.map(\.text), limit: draft.limit)
            if case .claim(let name) = draft.claim?.source { limit.claim = name }
            return limit
        }
        for store in stores { resolve(store, &reading) }
    }

    /// `limited ROLE…` says which roles the limit without roles is for.
    private mutating func joinLimited(_ reading: inout Reading) {
        guard let limited else { return }
        if let index = limits.firstIndex(where: \.roles.isEmpty) {
            limits[index].roles = limited.roles
        } else if !limits.isEmpty {
            reading.error("'limited' needs a 'limit' line without roles", at: limited.word)
        }
    }

    /// A store's limit takes the place of the one for the same roles. Without roles it means the
    /// one of the block that names none, or the only one there is.
    private mutating func resolve(_ store: StoreDraft, _ reading: inout Reading) {
        var taken: [Int: Word] = [:]
        for limit in store.limits where !limits.isEmpty {
            guard let index = index(of: limit) else {
                reading.error(
                    limit.roles.isEmpty
                        ? "the block has several limits: name the roles of the one to change"
                        : "the block has no limit for exactly these roles", at: limit.word)
                continue
            }
            if let first = taken[index] {
                let line = reading.firstSet(first.location, seenFrom: limit.word.location)
                reading.error("'limit' is set twice\(line)", at: limit.word)
            }
            taken[index] = limit.word
            settings.limits[index].stores[store.name.text] = limit.limit
        }
    }

    private func index(of limit: LimitDraft) -> Int? {
        let roles = Set(limit.roles.map(\.text))
        if !roles.isEmpty { return settings.limits.firstIndex { Set($0.roles) == roles } }
        if settings.limits.count == 1 { return 0 }
        return settings.limits.firstIndex { limit in
            limit.roles.isEmpty || limit.roles == limited?.roles.map(\.text)
        }
    }
}

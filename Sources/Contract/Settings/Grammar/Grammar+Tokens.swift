internal import JWT

/// `jwt`: which tokens are believed.
extension Grammar {
    static func readTokens(
        _ document: inout Document, _ directive: Directive, _ reading: inout Reading
    ) {
        let name = readName(directive, among: document.tokens, &reading)
        var draft = TokenDraft(
            name: name, settings: TokenSettings(name: name.text, algorithms: [], keys: []))
        draft.settings.position = reading.position(of: directive.name.location)
        let block = directive.block ?? []
        draft.hidesWords = block.contains(where: \.hidesWords)
        jwt.read(block, of: directive.name, into: &draft, &reading)
        let tried = block.count { keyWords.contains($0.name.text) }
        if tried == 0, draft.keys.isEmpty, draft.isComplete {
            reading.error(
                "'jwt' needs a key: \(Choice.list(keyWords.map { "'\($0)'" }))", at: directive.name)
        }
        if draft.keys.count >= tried { check(draft, &reading) }
        checkFieldNames(draft.settings, directive.name, &reading)
        document.tokens.append(draft)
    }

    /// What brings keys.
    private static let keyWords = ["secret", "public_key", "jwk", "jwks"]
    /// More keys than this are tried for no token.
    private static let maximumKeys = 16

    // MARK: Keys

    static func readAlgorithms(
        _ draft: inout TokenDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        for word in directive.arguments {
            if word.text.lowercased() == "none" {
                reading.error(
                    "'none' is not an algorithm: unsigned tokens are always refused", at: word)
            } else if word.text.lowercased() == "ed25519" {
                reading.error("\(word.shown) is unknown (did you mean 'EdDSA'?)", at: word)
            } else if let value = ValueKind<SignatureAlgorithm>.choice.read(word, &reading) {
                append(value, to: &draft.settings.algorithms, word, &reading)
                draft.algorithms.append(word)
            }
        }
        if draft.algorithms.count < directive.arguments.count { draft.isComplete = false }
    }

    static func readSecret(
        _ draft: inout TokenDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        let word = directive.arguments[0]
        let secret = ValueKind<Secret>.secret.read(word, &reading)
        add(secret.map { .secret($0) }, word, to: &draft, &reading)
    }

    /// `public_key file:PATH [kid NAME]`.
    static func readPublicKey(
        _ draft: inout TokenDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        let words = directive.arguments
        var id: String?
        if words.count > 1, words[1].text != "kid" {
            reading.error(Choice.message(words[1], among: ["kid"]), at: words[1])
        } else if words.count == 2 {
            reading.error("a name is missing after 'kid'", at: words[1])
        } else if words.count == 3 {
            id = ValueKind<String>.text.read(words[2], &reading)
            let isTaken = draft.settings.keys.contains { key in
                if case .publicKey(_, let other?) = key.origin { other == id } else { false }
            }
            if isTaken { reading.error("kid \(words[2].shown) is named twice", at: words[2]) }
        }
        let path = ValueKind<String>.fileReference.read(words[0], &reading)
        add(path.map { .publicKey(path: $0, id: id) }, words[0], to: &draft, &reading)
    }

    static func readKeyFile(
        _ draft: inout TokenDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        let word = directive.arguments[0]
        let path = ValueKind<String>.fileReference.read(word, &reading)
        add(path.map { .key(path: $0) }, word, to: &draft, &reading)
    }

    /// `jwks file:PATH`, `jwks https://… { … }`.
    static func readKeySet(
        _ draft: inout TokenDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        let word = directive.arguments[0]
        let origin = ValueKind<KeySource.Origin>.keySet.read(word, &reading)
        var options = RemoteKeySet(url: "", host: "")
        if case .keySet = origin, directive.block != nil {
            reading.error("'jwks file:PATH' takes no block", at: directive.name)
        } else {
            jwks.read(directive.block ?? [], into: &options, &reading)
        }
        guard case .remote(var set)? = origin else {
            add(origin, word, to: &draft, &reading)
            return
        }
        set.authorityPath = options.authorityPath
        set.timeout = options.timeout
        set.size = options.size
        set.refresh = options.refresh
        add(.remote(set), word, to: &draft, &reading)
    }

    /// Nil for a key that was complained about.
    private static func add(
        _ origin: KeySource.Origin?, _ word: Word, to draft: inout TokenDraft,
        _ reading: inout Reading
    ) {
        guard let origin else {
            draft.isComplete = false
            return
        }
        if draft.settings.keys.contains(where: { $0.origin == origin }) {
            reading.error("\(word.shown) is named twice", at: word)
        } else if draft.keys.count == maximumKeys {
            reading.error("a jwt block has at most \(maximumKeys) keys and sets of keys", at: word)
        }
        let position = reading.position(of: word.location)
        draft.settings.keys.append(KeySource(origin, position: position))
        draft.keys.append(word)
    }

    // MARK: Where tokens are, and what is in them

    static let tokenPlaceSynopsis =
        "bearer|subprotocol|cookie:NAME|query:NAME|header:NAME|message:PATH…"

    static func readTokenPlaces(
        _ draft: inout TokenDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        draft.settings.from = []
        for word in directive.arguments {
            guard let place = ValueKind.tokenPlace.read(word, &reading) else { continue }
            append(place, to: &draft.settings.from, word, &reading)
            guard case .query(let name) = place else { continue }
            if draft.query == nil { draft.query = word }
            if name == TokenSettings.ticketParameter { draft.ticketQuery = word }
        }
    }

    /// `tickets on`, `tickets on bind address`, `tickets off`.
    static func readTickets(
        _ draft: inout TokenDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        let words = directive.arguments
        guard let isOn = ValueKind<Bool>.onOff.read(words[0], &reading) else { return }
        draft.settings.tickets = isOn ? .on : .off
        if isOn { draft.tickets = directive.name }
        guard words.count > 1 else { return }
        if !isOn {
            reading.error("unexpected word after 'tickets off'", at: words[1])
        } else if words[1].text != "bind" {
            reading.error(Choice.message(words[1], among: ["bind"]), at: words[1])
        } else if words.count == 2 {
            reading.error("'address' is missing after 'bind'", at: words[1])
        } else if words[2].text != "address" {
            reading.error(Choice.message(words[2], among: ["address"]), at: words[2])
        } else {
            draft.settings.tickets = .boundToAddress
        }
    }

    static func readAudiences(
        _ draft: inout TokenDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        draft.settings.audiences = directive.arguments.compactMap {
            ValueKind<String>.text.read($0, &reading)
        }
    }

    static func readRequiredClaims(
        _ draft: inout TokenDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        for word in directive.arguments {
            guard let claim = ValueKind<String>.claimPath.read(word, &reading) else { continue }
            append(claim, to: &draft.settings.requiredClaims, word, &reading)
        }
    }

    // MARK: The end of a token

    /// `on_expiry close`, `on_expiry grace 60s`, `on_expiry ignore`.
    static func readOnExpiry(
        _ draft: inout TokenDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        let word = directive.arguments[0]
        let time = directive.arguments.count > 1 ? directive.arguments[1] : nil
        switch (word.text, time) {
        case ("grace", let time?):
            if let grace = ValueKind<Duration>.interval.read(time, &reading) {
                draft.settings.onExpiry = .grace(grace)
            }
        case ("grace", nil): reading.error("a duration is missing after 'grace'", at: word)
        case ("close", nil): draft.settings.onExpiry = .close
        case ("ignore", nil): draft.settings.onExpiry = .ignore
        case ("close", let extra?), ("ignore", let extra?):
            reading.error("unexpected word after 'on_expiry \(word.text)'", at: extra)
        default: reading.error(Choice.message(word, among: ["close", "grace", "ignore"]), at: word)
        }
    }

    static func readExpiring(
        _ draft: inout TokenDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        let kind = ValueKind<Duration>.interval.optional("off")
        if let notice = kind.read(directive.arguments[0], &reading) {
            draft.settings.expiringNotice = notice
            draft.expiring = notice == nil ? nil : directive.name
        }
    }

    // MARK: Rules across words

    private static func check(_ draft: TokenDraft, _ reading: inout Reading) {
        if draft.settings.tickets != .off, let word = draft.ticketQuery {
            reading.error(
                "'?\(TokenSettings.ticketParameter)=' is for tickets here ('tickets'); tokens need"
                    + " another name", at: word)
        }
        let (algorithms, keys) = (draft.settings.algorithms, draft.settings.keys)
        guard draft.isComplete, !algorithms.isEmpty, !keys.isEmpty else { return }
        var isServed = true
        for (algorithm, word) in zip(algorithms, draft.algorithms)
        where !keys.contains(where: { $0.mayServe(algorithm) }) {
            let needed = algorithm.keyType == .octets ? "'secret'" : "'public_key', 'jwk' or 'jwks'"
            reading.error("no key of this block is for \(word.shown) (add \(needed))", at: word)
            isServed = false
        }
        guard isServed else { return }
        if !draft.settings.allowsWeakKeys {
            for (key, word) in zip(keys, draft.keys) {
                checkLength(key, word, algorithms, &reading)
            }
        }
        for (key, word) in zip(keys, draft.keys) where !algorithms.contains(where: key.mayServe) {
            reading.error("no algorithm of this block can use \(key.title)", at: word)
        }
    }

    private static func checkFieldNames(
        _ settings: TokenSettings, _ word: Word, _ reading: inout Reading
    ) {
        let names = [settings.userHeader, settings.roleHeader, settings.claimsHeader]
        guard Set(names.map(\.foldedFieldName)).count < names.count else { return }
        reading.error(
            "'user_header', 'role_header' and 'claims_header' need different names (many apps read"
                + " 'X_User' and 'X-User' as one)", at: word)
    }

    /// RFC 7518 §3.2: a key of the size of the hash output or larger.
    private static func checkLength(
        _ key: KeySource, _ word: Word, _ algorithms: [SignatureAlgorithm],
        _ reading: inout Reading
    ) {
        let keyed = algorithms.filter { $0.keyType == .octets }
        guard case .secret(let secret) = key.origin,
            let strongest = keyed.max(by: { $0.hashSize < $1.hashSize }),
            secret.octets.count < strongest.hashSize
        else { return }
        reading.error(
            "this secret is shorter than the \(strongest.hashSize) octets of"
                + " \(strongest.rawValue) (make one with 'openssl rand -hex"
                + " \(strongest.hashSize)', or say 'allow_weak_keys on')", at: word)
    }
}

extension SignatureAlgorithm {
    /// Octets of the hash, which is what a secret needs at least.
    fileprivate var hashSize: Int {
        switch self {
        case .hs256, .rs256, .ps256, .es256: 32
        case .hs384, .rs384, .ps384, .es384: 48
        case .hs512, .rs512, .ps512, .es512, .edDSA: 64
        }
    }
}

extension KeySource {
    /// For messages.
    fileprivate var title: String {
        switch origin {
        case .secret: "a secret (HS256, HS384 and HS512 do)"
        case .publicKey: "a public key (HS256, HS384 and HS512 take a secret)"
        case .key, .keySet, .remote: "keys from a key set (HS256, HS384 and HS512 take a secret)"
        }
    }
}

internal import Bytes
internal import Forwarding

/// `allow`, `deny`, `rate`: who may come at all, and how often.
extension Grammar {
    static let addressSynopsis = "CIDR|all|unix…"

    static func readListenerAddresses(
        _ draft: inout ListenerDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        if directive.name.text == "allow" { draft.allow = draft.allow ?? directive.name }
        read(directive, into: &draft.settings.addresses, &reading)
    }

    /// `allow` and `deny` are one list: a route that says one of them has none from `defaults`.
    static func readRouteAddresses(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        if draft.own.insert("addresses").inserted {
            draft.settings.addresses = AddressRules()
            draft.allow = nil
        }
        if directive.name.text == "allow" { draft.allow = draft.allow ?? directive.name }
        read(directive, into: &draft.settings.addresses, &reading)
    }

    private static func read(
        _ directive: Directive, into addresses: inout AddressRules, _ reading: inout Reading
    ) {
        let verdict: AddressRules.Verdict = directive.name.text == "allow" ? .allow : .deny
        for word in directive.arguments {
            guard let pattern = ValueKind<AddressRules.Pattern>.addresses.read(word, &reading)
            else { continue }
            if addresses.rules.contains(where: { $0.pattern == .all }) {
                reading.error("nothing is left to decide after 'all'", at: word)
            } else if addresses.rules.contains(where: { $0.pattern == pattern }) {
                reading.error("\(word.shown) is named twice; only the first one counts", at: word)
            } else if let first = addresses.rules.first(where: { $0.pattern.covers(pattern) }),
                first.verdict != verdict
            {
                reading.warn(
                    "'\(first.verdict.rawValue)' of a network around \(word.shown) comes before"
                        + " and decides (write the smaller one first)", at: word.location)
            }
            addresses.rules.append(.init(verdict, pattern))
        }
    }

    static let rateSynopsis = "N/s|m|h [burst N] by address|user|SOURCE | off"

    /// `rate 10/s by address`, `rate 600/m burst 50 by claim:tenant`, `rate off`.
    static func readRate(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        let words = directive.arguments
        let isFirst = draft.saysFirst(directive.name)
        if isFirst {
            draft.settings.rates = []
            draft.rates = []
        }
        if words[0].text == "off" {
            if words.count > 1 {
                reading.error("unexpected word after 'rate off'", at: words[1])
            } else if !isFirst {
                reading.error("'rate off' cannot be combined with other rates", at: directive.name)
            }
            draft.own.insert("rate off")
            return
        }
        if draft.own.contains("rate off") {
            reading.error("'rate off' cannot be combined with other rates", at: directive.name)
        }
        guard let limit = rate(words, captures: draft.captures, &reading) else { return }
        if draft.settings.rates.contains(limit) {
            reading.error("this rate is set twice", at: directive.name)
        }
        draft.settings.rates.append(limit)
        if limit.needsIdentity { draft.rates.append(words[words.count - 1]) }
    }

    private static func rate(
        _ words: [Word], captures: [String]?, _ reading: inout Reading
    ) -> RateLimit? {
        guard let (count, period) = speed(words[0], &reading) else { return nil }
        var rest = words.dropFirst()
        var burst: Int?
        if rest.first?.text == "burst" {
            let word = rest.removeFirst()
            guard let number = rest.popFirst() else {
                reading.error("a number is missing after 'burst'", at: word)
                return nil
            }
            let kind = ValueKind.integer(1...RateLimit.mostRequests)
            burst = kind.read(number, &reading)
            if burst == nil { return nil }
        }
        guard let by = rest.popFirst() else {
            reading.error("'by address|user|SOURCE' is missing", at: words[0])
            return nil
        }
        guard by.text == "by" else {
            let known = burst == nil ? ["burst", "by"] : ["by"]
            reading.error(Choice.message(by, among: known), at: by)
            return nil
        }
        guard let word = rest.popFirst() else {
            reading.error("address, user or a SOURCE is missing after 'by'", at: by)
            return nil
        }
        if let extra = rest.first {
            let hint = extra.text == "burst" ? " ('burst N' comes before 'by')" : ""
            reading.error("unexpected word after \(word.shown)\(hint)", at: extra)
            return nil
        }
        return subject(word, captures: captures, &reading).map {
            RateLimit(count, per: period, burst: burst ?? count, by: $0)
        }
    }

    /// `10/s`.
    private static func speed(
        _ word: Word, _ reading: inout Reading
    ) -> (count: Int, RateLimit.Period)? {
        let parts = word.text.split(separator: "/", omittingEmptySubsequences: false)
        let isNumber = !parts[0].isEmpty && parts[0].utf8.allSatisfy(ASCII.isDigit)
        let unit = parts.count == 2 ? String(parts[1]) : ""
        guard isNumber, parts.count == 2, let period = RateLimit.Period(rawValue: unit) else {
            let known = Quantity.duration.aliases[unit.lowercased()] ?? unit.lowercased()
            let meant = RateLimit.Period(rawValue: parts.count == 1 ? "s" : known)
            let hint = meant.map { " (did you mean '\(parts[0])/\($0.rawValue)'?)" } ?? ""
            reading.error(
                "\(word.shown) is not a rate: expected a number and /s, /m or /h, such as 10/s"
                    + (isNumber ? hint : ""), at: word)
            return nil
        }
        guard let count = Int(parts[0]), (1...RateLimit.mostRequests).contains(count) else {
            reading.error(
                "\(word.shown) is out of range (1 to \(RateLimit.mostRequests))", at: word)
            return nil
        }
        return (count, period)
    }

    private static func subject(
        _ word: Word, captures: [String]?, _ reading: inout Reading
    ) -> RateLimit.Subject? {
        switch word.text {
        case "address": return .address
        case "user": return .user
        default: break
        }
        guard word.text.contains(":") else {
            let known = ["address", "user"] + SourceKind.allCases.map { $0.rawValue + ":NAME" }
            reading.error(Prefixed.message(word, known, []), at: word)
            return nil
        }
        guard let source = ValueKind<ValueSource>.source.read(word, &reading) else { return nil }
        if case .path(let name) = source {
            guard let captures else {
                reading.error("there is no path to capture from in 'defaults'", at: word)
                return nil
            }
            guard captures.contains(name) else {
                let hint = Spelling.hint(for: name, among: captures)
                reading.error(
                    "the path of this route captures no '{\(name.printable())}'\(hint)", at: word)
                return nil
            }
        }
        return .source(source)
    }
}

extension ValueKind where Value == AddressRules.Pattern {
    /// `10.0.0.0/8`, `2001:db8::1`, `all`, `unix`.
    fileprivate static let addresses = ValueKind { word, reading in
        switch word.text {
        case "all": return .all
        case "unix": return .unix
        default: break
        }
        guard NumericAddress(String(word.text.prefix { $0 != "/" })) != nil else {
            let words = ["all", "unix"]
            let guess = word.text.hasPrefix("unix:") ? "unix" : everybody[word.text] ?? word.text
            reading.error(
                "expected a CIDR such as 10.0.0.0/8, all or unix, not \(word.shown)"
                    + Spelling.hint(for: guess, among: words), at: word)
            return nil
        }
        return ValueKind<AddressRange>.range.read(word, &reading).map { .range($0) }
    }

    private static var everybody: [String: String] { ["any": "all", "*": "all"] }
}

extension AddressRules.Pattern {
    /// True when every address of `other` is an address of this one, too.
    fileprivate func covers(_ other: Self) -> Bool {
        guard case .range(let outer) = self, case .range(let inner) = other else { return false }
        return outer.prefixLength <= inner.prefixLength && matches(inner.octets)
    }
}

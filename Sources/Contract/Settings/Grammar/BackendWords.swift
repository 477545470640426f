internal import Bytes

/// The words of `backend` that take more than one value, and what they have to do with each other.
enum BackendWords {
    static let balance = "round_robin | least_connections | random | hash SOURCE"
    static let sticky = "cookie [NAME] [secret env:NAME|file:PATH] | SOURCE [DURATION]"
    static let queue = "N [DURATION] | off"
    static let budget = "N% [FLOOR] | off"
    static let causes = "[broken] [timeout] [STATUS…] | off"

    static let retries: [Rule<BackendSettings>] = [
        .init("retries", "N", .integer(0...10), \.bounds.retries),
        .init("retry_on", causes, .atLeastOne, readRetryCauses),
        .init("retry_budget", budget, .from(1, to: 2), readRetryBudget),
    ]

    private static let algorithms = ["round_robin", "least_connections", "random", "hash"]

    static func readBalance(
        _ settings: inout BackendSettings, _ directive: Directive, _ reading: inout Reading
    ) {
        let words = directive.arguments
        let plain: ServerChoice.Balance
        switch words[0].text {
        case "round_robin": plain = .roundRobin
        case "least_connections": plain = .leastConnections
        case "random": plain = .random
        case "hash":
            guard words.count == 2 else {
                return reading.error(
                    "the source is missing (expected: balance hash SOURCE)", at: words[0])
            }
            if let affinity = affinity(words[1], or: [], &reading) {
                settings.choice.balance = .hash(affinity)
            }
            return
        default: return reading.error(Choice.message(words[0], among: algorithms), at: words[0])
        }
        if words.count > 1 {
            return reading.error("unexpected word after 'balance \(words[0].text)'", at: words[1])
        }
        settings.choice.balance = plain
    }

    /// `address`, `user`, `device`, or where in a request the value is found.
    private static func affinity(
        _ word: Word, or others: [String], _ reading: inout Reading
    ) -> ServerChoice.Affinity? {
        switch word.text {
        case "address": return .address
        case "user": return .user
        case "device": return .device
        default: break
        }
        guard word.text.contains(":") else {
            let known =
                others + ["address", "user", "device"]
                + SourceKind.allCases.map { $0.rawValue + ":NAME" }
            reading.error(Prefixed.message(word, known, []), at: word)
            return nil
        }
        return ValueKind<ValueSource>.source.read(word, &reading).map { .source($0) }
    }

    // MARK: sticky

    static func readSticky(
        _ settings: inout BackendSettings, _ directive: Directive, _ reading: inout Reading
    ) {
        let words = directive.arguments
        if words[0].text == "cookie" {
            return readCookie(&settings, words.dropFirst(), &reading)
        }
        guard let affinity = affinity(words[0], or: ["cookie"], &reading) else { return }
        var memory = ServerChoice.usualMemory
        if words.count > 1 {
            let kind = ValueKind.duration(.seconds(1) ... .days(7))
            memory = kind.read(words[1], &reading) ?? memory
        }
        if words.count > 2 {
            reading.error(
                "unexpected \(words[2].shown) (expected: sticky SOURCE [DURATION])", at: words[2])
        }
        settings.choice.sticky = .key(affinity, memory: memory)
    }

    private static func readCookie(
        _ settings: inout BackendSettings, _ words: ArraySlice<Word>, _ reading: inout Reading
    ) {
        var words = words
        var name = ServerChoice.usualCookie
        var secret: Secret?
        if let word = words.first, word.text != "secret" {
            name = ValueKind<String>.cookieName.read(word, &reading) ?? name
            words.removeFirst()
        }
        if let word = words.popFirst() {
            guard word.text == "secret" else {
                return reading.error(
                    Choice.message(word, among: ["secret"]), at: word)
            }
            guard let value = words.popFirst() else {
                return reading.error(
                    "the secret is missing (expected: secret env:NAME|file:PATH)", at: word)
            }
            secret = ValueKind<Secret>.secret.read(value, &reading)
            if let secret, secret.octets.count < ServerChoice.shortestSecret {
                reading.error(
                    "the secret is too short: it needs at least \(ServerChoice.shortestSecret)"
                        + " octets", at: value)
            }
        }
        if let word = words.first {
            reading.error(
                "unexpected \(word.shown) (expected: sticky cookie [NAME] [secret"
                    + " env:NAME|file:PATH])", at: word)
        }
        settings.choice.sticky = .cookie(name: name, secret: secret)
    }

    // MARK: Bounds

    static func readQueue(
        _ settings: inout BackendSettings, _ directive: Directive, _ reading: inout Reading
    ) {
        let words = directive.arguments
        var queue = GroupBounds.Queue()
        let length = ValueKind<Int>.integer(1...100_000).optional("off")
        guard let count = length.read(words[0], &reading) else { return }
        queue.length = count ?? 0
        if words.count > 1 {
            if count == nil {
                return reading.error("unexpected word after 'queue off'", at: words[1])
            }
            let time = ValueKind.duration(.milliseconds(10) ... .minutes(10))
            queue.time = time.read(words[1], &reading) ?? queue.time
        }
        settings.bounds.queue = queue
    }

    static func readRetryBudget(
        _ settings: inout BackendSettings, _ directive: Directive, _ reading: inout Reading
    ) {
        let words = directive.arguments
        if words[0].text == "off" {
            if words.count > 1 {
                reading.error("unexpected word after 'retry_budget off'", at: words[1])
            }
            settings.bounds.retryBudget = nil
            return
        }
        var budget = GroupBounds.RetryBudget()
        guard words[0].text.hasSuffix("%") else {
            let meant = UInt(words[0].text) == nil ? "20%" : words[0].text + "%"
            let hint = Spelling.hint(for: words[0].text, among: ["off"])
            return reading.error(
                "expected a share such as \(meant), or off, not \(words[0].shown)\(hint)",
                at: words[0])
        }
        var number = words[0]
        number.text.removeLast()
        budget.percent = ValueKind.integer(0...100).read(number, &reading) ?? budget.percent
        if words.count > 1 {
            budget.floor = ValueKind.integer(0...100_000).read(words[1], &reading) ?? budget.floor
        }
        settings.bounds.retryBudget = budget
    }

    static func readRetryCauses(
        _ settings: inout BackendSettings, _ directive: Directive, _ reading: inout Reading
    ) {
        let words = directive.arguments
        var causes = GroupBounds.RetryCauses()
        (causes.broken, causes.timeout) = (false, false)
        settings.bounds.retryCauses = causes
        if words[0].text == "off" {
            if words.count > 1 {
                reading.error("unexpected word after 'retry_on off'", at: words[1])
            }
            return
        }
        for word in words {
            let isNew: Bool
            switch word.text {
            case "broken": (isNew, causes.broken) = (!causes.broken, true)
            case "timeout": (isNew, causes.timeout) = (!causes.timeout, true)
            default:
                guard let status = Int(word.text), (500...599).contains(status) else {
                    let hint = Spelling.hint(for: word.text, among: ["broken", "timeout", "off"])
                    reading.error(
                        "expected broken, timeout or a status from 500 to 599, not"
                            + " \(word.shown)\(hint)", at: word)
                    continue
                }
                isNew = causes.statuses.insert(status).inserted
            }
            if !isNew { reading.error("\(word.shown) is there twice", at: word) }
        }
        settings.bounds.retryCauses = causes
    }

    // MARK: Across words

    /// What a group chooses servers by must be there on the route that uses it.
    static func check(
        _ choice: ServerChoice, _ word: Word, _ route: RouteDraft, _ reading: inout Reading
    ) {
        for affinity in choice.affinities {
            guard let obstacle = affinity.obstacle(route) else { continue }
            reading.error(
                "\(word.shown) chooses servers by '\(affinity.text.printable())', but \(obstacle)",
                at: word)
        }
    }

    static func check(
        _ settings: BackendSettings, _ name: Word, besides others: [BackendDraft],
        _ reading: inout Reading
    ) {
        let servers = settings.servers
        if !servers.isEmpty, servers.allSatisfy({ $0.weight == 0 || $0.isDown }) {
            reading.error(
                "no server of \(name.shown) may be chosen: give one a weight above 0, and not"
                    + " 'down'", at: name)
        }
        if settings.bounds.queue != nil, servers.allSatisfy({ $0.connectionLimit == nil }) {
            reading.error(
                "'queue' needs 'max_connections=N' at a server: without it no request waits",
                at: name)
        }
        guard case .cookie(let cookie, _) = settings.choice.sticky else { return }
        let other = others.first { draft in
            if case .cookie(cookie, _) = draft.settings.choice.sticky { true } else { false }
        }
        if let other {
            reading.error(
                "the cookie '\(cookie)' says already which server of \(other.name.shown) a client"
                    + " has: give this one another name with 'sticky cookie NAME'", at: name)
        }
    }
}

extension ServerChoice.Affinity {
    /// As the configuration writes it.
    var text: String {
        switch self {
        case .address: "address"
        case .user: "user"
        case .device: "device"
        case .source(.query(let name)): "query:\(name)"
        case .source(.header(let name)): "header:\(name)"
        case .source(.cookie(let name)): "cookie:\(name)"
        case .source(.claim(let name)): "claim:\(name)"
        case .source(.path(let name)): "path:\(name)"
        }
    }

    /// Why a route with these rules never has it; nil where requests may.
    func obstacle(_ route: RouteDraft) -> String? {
        switch self {
        case .user where route.auth.isEmpty, .source(.claim) where route.auth.isEmpty:
            "this route has no 'auth'"
        case .device where route.sessions == nil: "this route has no 'sessions'"
        case .source(.path(let name)) where !(route.captures ?? []).contains(name):
            "the path of this route captures no '{\(name.printable())}'"
        case .address, .user, .device, .source: nil
        }
    }
}

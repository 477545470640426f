internal import Bytes

/// What `backend` says of the health of its servers.
enum HealthWords {
    static let rules: [Rule<BackendSettings>] = [
        .init("check", check, .atLeastOne, readCheck),
        .init("eject", eject, .from(2, to: 4), readEject),
        .init("fail_fast", "", .none) { backend, _, _ in backend.health.failsFast = true },
        .init("on_down", "keep|close", .one, readOnDown),
    ]
    static let check =
        "tcp|GET PATH|HEAD PATH|websocket PATH [host NAME] [every DURATION] [timeout DURATION]"
        + " [rise N] [fall N] [expect STATUS…]"
    static let eject = "after N [for DURATION]"

    // MARK: check

    static func readCheck(
        _ settings: inout BackendSettings, _ directive: Directive, _ reading: inout Reading
    ) {
        var words = directive.arguments[...]
        guard let question = readQuestion(&words, &reading) else { return }
        var options = CheckOptions(CheckSettings(question))
        while let name = words.popFirst() { options.read(name, &words, &reading) }
        settings.health.check = options.finished(&reading)
    }

    private static func readQuestion(
        _ words: inout ArraySlice<Word>, _ reading: inout Reading
    ) -> CheckSettings.Question? {
        guard let kind = words.popFirst() else { return nil }
        if kind.text == "tcp" { return .connection }
        let method = CheckMethod(rawValue: kind.text)
        guard method != nil || kind.text == "websocket" else {
            let isPath = kind.text.hasPrefix("/")
            let hint =
                isPath
                ? " (write GET \(kind.text.printable()))"
                : Spelling.hint(for: kind.text, among: ["tcp", "GET", "HEAD", "websocket"])
            reading.error(
                "expected tcp, GET, HEAD or websocket, not \(kind.shown)\(hint)", at: kind)
            return nil
        }
        guard let path = words.popFirst() else {
            reading.error("the path is missing (expected: check \(kind.text) PATH)", at: kind)
            return nil
        }
        guard path.text.hasPrefix("/"), path.text.utf8.allSatisfy({ 0x21...0x7E ~= $0 }),
            !path.text.contains("#")
        else {
            reading.error(
                "\(path.shown) is not what can be asked for: expected a path that begins with '/',"
                    + " with %XX for what is not ASCII", at: path)
            return nil
        }
        return method.map { .request(method: $0, target: path.text) }
            ?? .webSocket(target: path.text)
    }

    // MARK: on_down

    private static func readOnDown(
        _ settings: inout BackendSettings, _ directive: Directive, _ reading: inout Reading
    ) {
        let word = directive.arguments[0]
        switch word.text {
        case "keep": settings.health.endsLive = false
        case "close": settings.health.endsLive = true
        default: reading.error(Choice.message(word, among: ["keep", "close"]), at: word)
        }
    }

    /// Servers that are never asked are never said to be down.
    static func finish(
        _ settings: BackendSettings, _ block: [Directive], _ reading: inout Reading
    ) {
        guard settings.health.endsLive, settings.health.check == nil,
            let word = block.first(where: { $0.name.text == "on_down" })?.name
        else { return }
        reading.error("'on_down close' needs a 'check' beside it", at: word)
    }

    // MARK: eject

    static func readEject(
        _ settings: inout BackendSettings, _ directive: Directive, _ reading: inout Reading
    ) {
        let words = directive.arguments
        guard expect("after", words[0], &reading),
            let failures = ValueKind.integer(1...1000).read(words[1], &reading)
        else { return }
        var ejection = EjectionSettings(after: failures)
        if words.count > 2 {
            guard expect("for", words[2], &reading) else { return }
            guard words.count > 3 else {
                return reading.error("the time is missing (expected: for DURATION)", at: words[2])
            }
            guard
                let time = ValueKind.duration(.seconds(1) ... .hours(1)).read(words[3], &reading)
            else { return }
            ejection.time = time
        }
        settings.health.ejection = ejection
    }

    private static func expect(_ text: String, _ word: Word, _ reading: inout Reading) -> Bool {
        if word.text == text { return true }
        let hint = Spelling.hint(for: word.text, among: [text])
        reading.error(
            "expected \(text), not \(word.shown)\(hint) (as in: eject \(eject))", at: word)
        return false
    }
}

/// The words of `check` behind its question, as they are read.
private struct CheckOptions {
    private enum Option: String, CaseIterable {
        case host, every, timeout, rise, fall, expect
    }

    private var settings: CheckSettings
    private var seen: [Option: Word] = [:]
    private var isBroken = false

    init(_ settings: CheckSettings) { self.settings = settings }

    private var isConnection: Bool { settings.question == .connection }

    private var asksForStatus: Bool {
        if case .request = settings.question { true } else { false }
    }

    mutating func read(
        _ name: Word, _ words: inout ArraySlice<Word>, _ reading: inout Reading
    ) {
        guard let option = Option(rawValue: name.text) else {
            let names = Option.allCases.map(\.rawValue)
            // What follows would be read as something else than what was meant.
            words = []
            return complain(Choice.message(name, among: names), at: name, &reading)
        }
        if seen[option] != nil { complain("\(name.shown) is set twice", at: name, &reading) }
        seen[option] = name
        if option == .host, isConnection {
            complain("'check tcp' sends nothing, so it has no 'host'", at: name, &reading)
        }
        if option == .expect {
            if !asksForStatus {
                complain("only 'check GET' and 'check HEAD' expect a status", at: name, &reading)
            }
            return readStatuses(behind: name, &words, &reading)
        }
        guard let value = words.popFirst() else {
            return complain("the value of \(name.shown) is missing", at: name, &reading)
        }
        read(option, value, &reading)
    }

    private mutating func read(_ option: Option, _ value: Word, _ reading: inout Reading) {
        let times = Duration.milliseconds(100) ... .hours(1)
        let counts = 1...100
        var isRead = true
        switch option {
        case .host:
            settings.host = Self.host(value, &reading)
            isRead = settings.host != nil
        case .every: isRead = Self.take(.duration(times), value, &settings.interval, &reading)
        case .timeout: isRead = Self.take(.duration(times), value, &settings.timeout, &reading)
        case .rise: isRead = Self.take(.integer(counts), value, &settings.rise, &reading)
        case .fall: isRead = Self.take(.integer(counts), value, &settings.fall, &reading)
        case .expect: break
        }
        if !isRead { isBroken = true }
        if option == .timeout { seen[.timeout] = value }
    }

    /// A host name or address, with or without a port.
    private static func host(_ word: Word, _ reading: inout Reading) -> String? {
        let parts = word.text.split(separator: ":", omittingEmptySubsequences: false)
        let hasPort =
            !word.text.hasSuffix("]") && parts.count > 1
            && parts.last.map { UInt16($0) != nil } == true
        let name = hasPort ? parts.dropLast().joined(separator: ":") : word.text
        if case .exact? = HostPattern(name) { return word.text.lowercased() }
        reading.error("\(word.shown) is not a host name", at: word)
        return nil
    }

    private static func take<Value>(
        _ kind: ValueKind<Value>, _ word: Word, _ place: inout Value, _ reading: inout Reading
    ) -> Bool {
        guard let value = kind.read(word, &reading) else { return false }
        place = value
        return true
    }

    /// `200`, `200-299`; as many as there are.
    private mutating func readStatuses(
        behind name: Word, _ words: inout ArraySlice<Word>, _ reading: inout Reading
    ) {
        var statuses: [ClosedRange<Int>] = []
        while let word = words.first, Option(rawValue: word.text) == nil {
            words.removeFirst()
            let ends = word.text.split(separator: "-", omittingEmptySubsequences: false)
            let numbers = ends.compactMap { $0.count == 3 ? Int($0) : nil }
            guard numbers.count == ends.count, numbers.count <= 2, let low = numbers.first,
                let high = numbers.last, low <= high, 200...599 ~= low, 200...599 ~= high
            else {
                return complain(
                    "\(word.shown) is not the status of an answer (expected one from 200 to 599, or"
                        + " a range such as 200-299)", at: word, &reading)
            }
            statuses.append(low...high)
        }
        if statuses.isEmpty {
            return complain(
                "the statuses are missing (expected: expect STATUS…)", at: name, &reading)
        }
        settings.expected = statuses
    }

    private mutating func complain(_ message: String, at word: Word, _ reading: inout Reading) {
        reading.error(message, at: word)
        isBroken = true
    }

    /// Nil when something was wrong.
    func finished(_ reading: inout Reading) -> CheckSettings? {
        if isBroken { return nil }
        var settings = settings
        if let word = seen[.timeout], settings.timeout > settings.interval {
            reading.error(
                "a check may not last longer than the time from one to the next"
                    + " ('every \(settings.interval.shortText)')", at: word)
        }
        settings.timeout = min(settings.timeout, settings.interval)
        return settings
    }
}

extension Duration {
    /// As the configuration writes it, in the largest unit that fits.
    fileprivate var shortText: String {
        milliseconds % 1000 == 0 ? "\(milliseconds / 1000)s" : "\(milliseconds)ms"
    }
}

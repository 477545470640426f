internal import Bytes

/// The words of a route that are about its WebSockets.
extension Grammar {
    // MARK: compress

    static let compressionSynopsis =
        "[level N] [over SIZE] [context shared|dedicated] [window N] [memory N] [budget SIZE]"
        + " [ratio N|off] [upstream] | off"

    /// What may stand in `compress`, and what follows it.
    private enum CompressionWord: String, CaseIterable {
        case level, over, context, window, memory, budget, ratio, upstream

        /// Nil when it stands alone.
        var argument: String? {
            switch self {
            case .level, .window, .memory: "a number"
            case .ratio: "a number or off"
            case .over, .budget: "a size"
            case .context: "shared or dedicated"
            case .upstream: nil
            }
        }
    }

    /// `compress`, `compress level 1 over 256`, `compress context dedicated budget 1g`,
    /// `compress off`.
    static func readCompression(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        draft.settings.compression = nil
        if directive.arguments.count == 1, directive.arguments[0].text == "off" { return }
        var compression = RouteSettings.Compression()
        var said: [CompressionWord: Word] = [:]
        var rest = directive.arguments[...]
        while let word = rest.popFirst() {
            guard let option = compressionWord(word, &reading) else { return }
            if said.updateValue(word, forKey: option) != nil {
                reading.error("\(word.shown) is set twice", at: word)
            }
            guard let argument = option.argument else {
                compression.offersUpstream = true
                continue
            }
            let next = rest.first.flatMap { CompressionWord(rawValue: $0.text) }
            if next == nil, let value = rest.popFirst() {
                set(option, to: value, in: &compression, &reading)
            } else {
                reading.error("\(argument) is missing after \(word.shown)", at: word)
            }
        }
        if let budget = said[.budget] { check(budget, compression, &reading) }
        draft.settings.compression = compression
    }

    /// A misspelt word is reported and read as what was meant.
    private static func compressionWord(
        _ word: Word, _ reading: inout Reading
    ) -> CompressionWord? {
        if let option = CompressionWord(rawValue: word.text) { return option }
        if word.text == "off" {
            reading.error("'off' cannot be combined with other words", at: word)
            return nil
        }
        if ["on", "yes", "true"].contains(word.text) {
            reading.error(
                "write 'compress' without \(word.shown): that alone switches it on", at: word)
            return nil
        }
        let words = CompressionWord.allCases.map(\.rawValue)
        reading.error(Choice.message(word, among: words + ["off"]), at: word)
        return Spelling.closest(to: word.text, among: words).flatMap(CompressionWord.init)
    }

    private static func set(
        _ option: CompressionWord, to word: Word, in compression: inout RouteSettings.Compression,
        _ reading: inout Reading
    ) {
        func put<Value>(
            _ kind: ValueKind<Value>, _ path: WritableKeyPath<RouteSettings.Compression, Value>
        ) {
            if let value = kind.read(word, &reading) { compression[keyPath: path] = value }
        }
        switch option {
        case .level: put(.integer(1...9), \.level)
        case .over: put(.size(0...gibi), \.over)
        case .context: put(.choice, \.context)
        case .window: put(.integer(9...15), \.windowBits)
        case .memory: put(.integer(1...9), \.memoryLevel)
        case .budget: put(.size(kibi...tebi), \.budget)
        case .ratio: put(.integer(2...1000, or: "off"), \.ratio)
        case .upstream: break
        }
    }

    private static func check(
        _ budget: Word, _ compression: RouteSettings.Compression, _ reading: inout Reading
    ) {
        guard compression.context == .dedicated else {
            reading.error(
                "'budget' limits the windows that 'context dedicated' keeps, but this is missing"
                    + " here", at: budget)
            return
        }
        let (window, memory) = (compression.windowBits, compression.memoryLevel)
        // The windows, zlib's tables, and 16 KiB for its small objects.
        let tables = (1 << (memory + 9)) + (1 << (memory + 6))
        let needed = (1 << (window + 2)) + tables + (1 << window) + 16 * kibi
        if compression.budget < needed {
            reading.warn(
                "this budget is too small for even one WebSocket, which needs"
                    + " \(Quantity.size.written(needed)) with this 'window' and 'memory'",
                at: budget.location)
        }
    }

    // MARK: Before the app is asked

    static func readSubprotocols(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        draft.subprotocols = directive.name
        draft.own.insert("subprotocols")
        draft.settings.subprotocols = []
        for word in directive.arguments {
            guard !word.text.isEmpty, word.text.utf8.allSatisfy(ASCII.isToken) else {
                reading.error("this is not a subprotocol name", at: word)
                continue
            }
            append(word.text, to: &draft.settings.subprotocols, word, &reading)
        }
    }

    // MARK: socketio

    static let socketIO = Vocabulary<RouteSettings.SocketIO>(
        .socketio,
        [
            .init("ping_interval", "DURATION", .interval, \.pingInterval),
            .init("ping_timeout", "DURATION", .interval, \.pingTimeout),
        ])

    /// `socketio`, `socketio { ping_interval 25s }`.
    static func readSocketIO(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        draft.socketIO = directive.name
        var settings = RouteSettings.SocketIO()
        socketIO.read(directive.block ?? [], of: directive.name, into: &settings, &reading)
        draft.settings.socketIO = settings
    }

    // MARK: Limits

    static func readFrameSize(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        draft.frameSize = directive.name
        let kind = ValueKind.size(1...gibi, or: "off")
        if let size = kind.read(directive.arguments[0], &reading) {
            draft.settings.frameSize = size
        }
    }

    static let slowSynopsis = "cut [DURATION] [under SIZE] | wait"

    /// `slow cut`, `slow cut 5s`, `slow cut 5s under 4k`, `slow cut under 4k`, `slow wait`.
    static func readSlowClient(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        let word = directive.arguments[0]
        let rest = directive.arguments.dropFirst()
        switch word.text {
        case "cut": draft.settings.slowClient = .cut(leastRate(rest, &reading))
        case "wait":
            draft.settings.slowClient = .wait
            if let next = rest.first {
                reading.error("unexpected word after 'slow wait'", at: next)
            }
        default: reading.error(Choice.message(word, among: ["cut", "wait"]), at: word)
        }
    }

    /// What follows `slow cut`. What is not said, or not understood, is as usual.
    private static func leastRate(
        _ words: ArraySlice<Word>, _ reading: inout Reading
    ) -> LeastRate {
        var rate = RouteSettings.SlowClient.leastRate
        var rest = words
        if let time = rest.first, time.text != "under" {
            rate.patience = ValueKind<Duration>.timeout.read(time, &reading) ?? rate.patience
            rest.removeFirst()
        }
        guard let under = rest.popFirst() else { return rate }
        guard under.text == "under" else {
            reading.error(Choice.message(under, among: ["under"]), at: under)
            return rate
        }
        guard let size = rest.popFirst() else {
            reading.error("a size is missing after 'under'", at: under)
            return rate
        }
        let least = ValueKind.size(1...gibi).read(size, &reading)
        rate.octetsPerSecond = least ?? rate.octetsPerSecond
        if let next = rest.first { reading.error("unexpected word after 'under SIZE'", at: next) }
        return rate
    }

    // MARK: Signs of life

    /// `ping 25s`, `ping answer`, `ping 25s answer`.
    static func readPings(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        var said: [String: Word] = [:]
        for word in directive.arguments {
            let isNumber = word.text.first?.isNumber ?? false
            let what = isNumber ? "a duration" : "relay or answer"
            if said.updateValue(word, forKey: what) != nil {
                reading.error("'ping' takes \(what) once", at: word)
            } else if isNumber {
                guard let time = ValueKind<Duration>.interval.read(word, &reading) else { continue }
                draft.settings.pingInterval = time
            } else if let pings = RouteSettings.Pings(rawValue: word.text) {
                draft.settings.pings = pings
            } else {
                let words = ["a duration"] + RouteSettings.Pings.allCases.map(\.rawValue)
                reading.error(Choice.message(word, among: words), at: word)
            }
        }
    }

    static func readSilence(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        draft.silence = directive.name
        if let limit = ValueKind<Duration>.interval.read(directive.arguments[0], &reading) {
            draft.settings.silenceTimeout = limit
        }
    }
}

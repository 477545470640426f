/// `max_age 2h`, `max_age 2h jitter 20%`, `max_age off`.
enum MaxAgeWords {
    static let synopsis = "DURATION [jitter PERCENT] | off"

    static func read(_ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading) {
        let words = directive.arguments
        let kind = ValueKind.duration(.seconds(1) ... .days(365)).optional("off")
        guard let limit = kind.read(words[0], &reading) else { return }
        guard let limit else {
            draft.settings.lasting.maxAge = nil
            if words.count > 1 {
                reading.error("unexpected word after 'max_age off'", at: words[1])
            }
            return
        }
        var age = MaxAge(limit: limit)
        if words.count > 1, words[1].text != "jitter" {
            reading.error(Choice.message(words[1], among: ["jitter"]), at: words[1])
        } else if words.count == 2 {
            reading.error("a percentage is missing after 'jitter'", at: words[1])
        } else if words.count == 3 {
            age.jitterPercent = percent(words[2], &reading) ?? age.jitterPercent
        }
        draft.settings.lasting.maxAge = age
    }

    private static func percent(_ word: Word, _ reading: inout Reading) -> Int? {
        let digits = word.text.dropLast()
        guard word.text.hasSuffix("%"), !digits.isEmpty, digits.utf8.allSatisfy({ 48...57 ~= $0 }),
            let percent = Int(digits), percent <= 100
        else {
            reading.error("expected a percentage from 0% to 100%, not \(word.shown)", at: word)
            return nil
        }
        return percent
    }
}

/// `respond 200 "hello"`, `respond ready`.
enum ResponseWords {
    static func read(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        let word = directive.arguments[0]
        let body = directive.arguments.count > 1 ? directive.arguments[1] : nil
        if word.text == "ready" {
            if let body { reading.error("unexpected word after 'respond ready'", at: body) }
            return Grammar.go(to: .answer(.ready, directive.name), &draft, directive, &reading)
        }
        if let hint = Spelling.closest(to: word.text, among: ["ready"]) {
            return reading.error(
                "expected a status or 'ready', not \(word.shown) (did you mean '\(hint)'?)",
                at: word)
        }
        let status = ValueKind.integer(200...599).read(word, &reading)
        if let body, let status, [204, 205, 304].contains(status) {
            reading.error("an answer with status \(status) has no body", at: body)
        }
        let answer = RouteSettings.Destination.respond(
            status: status ?? 200, body: body?.text ?? "")
        Grammar.go(to: .answer(answer, directive.name), &draft, directive, &reading)
    }
}

internal import Bytes

/// `route` and `defaults`.
extension Grammar {
    static func readDefaults(
        _ document: inout Document, _ directive: Directive, _ reading: inout Reading
    ) {
        document.defaults = directive
    }

    /// Routes are read when `defaults` is known.
    static func readRoute(
        _ document: inout Document, _ directive: Directive, _ reading: inout Reading
    ) {
        document.routes.append(directive)
    }

    // MARK: What a route is for

    static func readKind(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        if let first = draft.kind {
            let line = reading.firstSet(first.location, seenFrom: directive.name.location)
            let message =
                first.text == directive.name.text
                ? "\(first.shown) is set twice\(line)"
                : "a route is one of 'websocket', 'events' and 'stream'\(line)"
            reading.error(message, at: directive.name)
        }
        draft.kind = directive.name
        draft.settings.kind =
            switch directive.name.text {
            case "events": .events
            case "stream": .stream
            default: .webSocket
            }
    }

    /// `finish_without_client`, `finish_without_client on`, `finish_without_client off`.
    static func readFinishing(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        draft.own.insert("finish_without_client")
        draft.finishing = directive.name
        let word = directive.arguments.first
        guard let isOn = word.map({ ValueKind.onOff.read($0, &reading) }) ?? true else { return }
        draft.settings.finishesWithoutClient = isOn
    }

    static func readMethods(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        draft.settings.methods = []
        for word in directive.arguments {
            guard let method = ValueKind<String>.method.read(word, &reading) else { continue }
            append(method, to: &draft.settings.methods, word, &reading)
        }
    }

    static func readBodyBuffer(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        draft.own.insert("buffer_body")
        draft.bodyBuffer = directive.name
        let kind = ValueKind.size(kibi...gibi, or: "off")
        if let size = kind.read(directive.arguments[0], &reading) {
            draft.settings.bodyBufferSize = size
        }
    }

    // MARK: Who may enter

    /// `auth app or staff`, `auth app optional`, `auth off`.
    static func readAuth(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        if draft.own.contains("auth"), let first = draft.authSetter {
            let line = reading.firstSet(first.location, seenFrom: directive.name.location)
            reading.error("'auth' is set twice\(line)", at: directive.name)
            return
        }
        draft.own.insert("auth")
        draft.authSetter = directive.name
        draft.auth = []
        draft.settings.allowsAnonymous = false
        var words = directive.arguments
        if words.count == 1, words[0].text == "off" { return }
        if words.count > 1, words[words.count - 1].text == "optional" {
            draft.settings.allowsAnonymous = true
            words.removeLast()
        }
        for (index, word) in words.enumerated() {
            if index % 2 == 0 {
                if ["or", "off", "optional"].contains(word.text) {
                    reading.error("expected the name of a jwt block, not \(word.shown)", at: word)
                } else if draft.auth.contains(where: { $0.text == word.text }) {
                    reading.error("\(word.shown) is named twice", at: word)
                } else {
                    draft.auth.append(word)
                }
            } else if word.text == "optional" {
                reading.error("'optional' comes after all names", at: word)
                return
            } else if word.text != "or" {
                let hint = Spelling.hint(for: word.text, among: ["or", "optional"])
                reading.error("expected 'or' between names, not \(word.shown)\(hint)", at: word)
                return
            }
        }
        if let last = words.last, words.count % 2 == 0 {
            reading.error("a name is missing after 'or'", at: last)
        }
    }

    static let reportOnlySynopsis =
        "auth|roles|require|rate|sessions… | auth NAME [or NAME]… [optional] | off"

    /// `report_only auth roles`, `report_only auth app`, `report_only off`.
    static func readReportOnly(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        draft.own.insert("report_only")
        draft.reported = []
        draft.settings.reportOnly = []
        let words = directive.arguments
        if words.count == 1, words[0].text == "off" { return }
        if words.count > 1, words[0].text == "auth",
            RouteSettings.Rule(rawValue: words[1].text) == nil
        {
            // `auth` and `report_only auth` in one.
            var auth = directive
            auth.name = words[0]
            auth.arguments.removeFirst()
            readAuth(&draft, auth, &reading)
            draft.reported = [(words[0], .auth)]
        } else {
            for word in words {
                if word.text == "off" {
                    reading.error("'off' cannot be combined with other words", at: word)
                } else if let rule = ValueKind<RouteSettings.Rule>.choice.read(word, &reading) {
                    if draft.reported.contains(where: { $0.rule == rule }) {
                        reading.error("\(word.shown) is named twice", at: word)
                    }
                    draft.reported.append((word, rule))
                }
            }
        }
        draft.settings.reportOnly = Set(draft.reported.map(\.rule))
    }

    static func readRoles(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        draft.own.insert("roles")
        draft.roles = directive.name
        draft.settings.roles = []
        for word in directive.arguments {
            guard let role = ValueKind<String>.text.read(word, &reading) else { continue }
            append(role, to: &draft.settings.roles, word, &reading)
        }
    }

    static func readRequirement(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        if draft.saysFirst(directive.name) {
            draft.settings.require = []
            draft.claims = []
        }
        guard
            let requirement = requirement(
                directive, captures: draft.captures, of: "this route", &reading)
        else { return }
        draft.settings.require.append(requirement)
        if requirement.readsClaim { draft.claims.append(directive.name) }
    }

    // MARK: What happens to it

    static func readRouteSessions(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        let word = directive.arguments[0]
        draft.own.insert("sessions")
        draft.sessions = word.text == "off" ? nil : word
    }

    static func readRefusal(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        let word = directive.arguments[0]
        if word.text != "http" && word.text != "socket" {
            reading.error(Choice.message(word, among: ["http", "socket"]), at: word)
        }
        draft.settings.refusesWithStatus = word.text == "http"
    }

    /// `explain`, `explain off`.
    static func readExplanation(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        draft.settings.explanation = .all
        guard let word = directive.arguments.first else { return }
        let kind = ValueKind<RouteSettings.Explanation>.choice
        if let choice = kind.read(word, &reading) { draft.settings.explanation = choice }
    }

    /// `while_away hold`, `while_away hold 10s`, `while_away retry`.
    static func readWhileAway(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        let word = directive.arguments[0]
        let time = directive.arguments.count > 1 ? directive.arguments[1] : nil
        switch word.text {
        case "hold":
            let kind = ValueKind.duration(.milliseconds(100) ... .minutes(10))
            let limit = time.flatMap { kind.read($0, &reading) }
            draft.settings.whileAway = .hold(limit ?? RouteSettings.WhileAway.patience)
        case "retry": draft.settings.whileAway = .retry
        case "error": draft.settings.whileAway = .error
        default:
            let words = ["hold", "retry", "error"]
            reading.error(Choice.message(word, among: words), at: word)
        }
        if let time, ["retry", "error"].contains(word.text) {
            reading.error("unexpected word after 'while_away \(word.text)'", at: time)
        }
    }

    // MARK: Where it goes

    static func readRouteBackend(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        go(to: .backend(directive.arguments[0]), &draft, directive, &reading)
    }

    static func readRouteRedirect(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        let (word, location) = (directive.arguments[0], directive.arguments[1])
        let known = ["301", "302", "303", "307", "308"]
        if !known.contains(word.text) {
            reading.error("expected \(Choice.list(known)), not \(word.shown)", at: word)
        }
        let names = Placeholder.allCases.map(\.rawValue) + (draft.captures ?? [])
        let template = Template(location, known: names, &reading)
        if template.parts.isEmpty
            || template.fixedText.unicodeScalars.contains(where: { $0.isUnprintable || $0 == " " })
        {
            reading.error("a location must not be empty or contain spaces", at: location)
        }
        ForeignPlaceholder.check(location, isPath: false, &reading)
        let answer = RouteSettings.Destination.redirect(
            status: Int(word.text) ?? 308, location: template)
        go(to: .answer(answer, directive.name), &draft, directive, &reading)
    }

    static func readTicket(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        go(to: .answer(.ticket, directive.name), &draft, directive, &reading)
    }

    static func go(
        to target: RouteDraft.Target, _ draft: inout RouteDraft, _ directive: Directive,
        _ reading: inout Reading
    ) {
        // What `defaults` says gives way; what this block said does not.
        if draft.own.contains("destination"), let first = draft.destination {
            let line = reading.firstSet(first.word.location, seenFrom: directive.name.location)
            reading.error(
                "a route has one of 'backend', 'respond', 'redirect' and 'ticket'\(line)",
                at: directive.name)
        }
        draft.own.insert("destination")
        draft.destination = target
    }
}

internal import Bytes

/// The words of a route that are about pages: `origins` and `cors`.
extension Grammar {
    static let corsSynopsis = "any|ORIGIN… | off"

    static let cors = Vocabulary<RouteSettings.CrossOrigin>(
        .cors,
        [
            .init("methods", "METHOD…", .atLeastOne, readCORSMethods),
            .init("headers", "any | NAME…", .atLeastOne, readCORSHeaders),
            .init("expose", "NAME… | off", .atLeastOne, readExposed),
            .init("credentials", "on|off", .onOff, \.allowsCredentials),
            .init("max_age", "DURATION", .duration(.zero ... .days(1)), \.maxAge),
        ])

    // MARK: origins

    /// `origins any`, `origins same`, `origins https://app.example.kr null …`.
    static func readOrigins(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        draft.origins = directive.name
        if directive.arguments.count == 1, directive.arguments[0].text == "any" {
            draft.settings.origins = .any
            return
        }
        let words = directive.arguments.filter { $0.text != "same" }
        let origins = readOrigins(words, or: "any, same", &reading)
        draft.settings.origins = origins.isEmpty ? .sameOrigin : .listed(origins)
    }

    /// The origins that could be read.
    private static func readOrigins(
        _ words: [Word], or keywords: String, _ reading: inout Reading
    ) -> [String] {
        var origins: [String] = []
        for word in words {
            if word.text == "any" || word.text == "off" {
                reading.error("\(word.shown) cannot be combined with other words", at: word)
            } else if let origin = ValueKind<String>.origin(or: keywords).read(word, &reading) {
                append(origin, to: &origins, word, &reading)
            }
        }
        return origins
    }

    // MARK: login

    /// `login /login?next={request.target}`, `login off`. What a client says comes behind the host,
    /// so that nobody is led elsewhere.
    static func readLogin(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        draft.own.insert("login")
        let word = directive.arguments[0]
        draft.settings.login = nil
        draft.login = nil
        if word.text == "off" { return }
        draft.login = directive.name
        let names = Placeholder.allCases.map(\.rawValue) + (draft.captures ?? [])
        let template = Template(word, known: names, &reading)
        if template.fixedText.unicodeScalars.contains(where: { $0.isUnprintable || $0 == " " }) {
            reading.error("a location must not contain spaces", at: word)
        } else if !template.hasFixedHost {
            reading.error(
                "write where to sign in as a path (/login?next={request.target}) or as a whole URL"
                    + " (https://login.example.kr/?next={request.target}): placeholders come after"
                    + " the host", at: word)
        }
        draft.settings.login = RouteSettings.Login(
            location: template, position: reading.position(of: word.location))
    }

    // MARK: cors

    /// `cors https://app.example.kr { credentials on }`, `cors any`, `cors off`.
    static func readCORS(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        draft.own.insert("cors")
        draft.cors = directive.name
        draft.settings.crossOrigin = nil
        let words = directive.arguments
        if words.count == 1, words[0].text == "off" {
            if directive.block != nil {
                reading.error("'cors off' takes no block", at: words[0])
            }
            return
        }
        let isAny = words.count == 1 && words[0].text == "any"
        let pages: RouteSettings.CrossOrigin.Pages =
            isAny ? .any : .listed(readOrigins(words, or: "any", &reading))
        var settings = RouteSettings.CrossOrigin(origins: pages)
        cors.read(directive.block ?? [], of: directive.name, into: &settings, &reading)
        if settings.allowsCredentials, let any = words.first(where: { $0.text == "any" }) {
            // Browsers refuse that (Fetch); to answer each by its name would let in every page.
            reading.error("with 'credentials on', 'any' is not allowed: name the origins", at: any)
        }
        draft.settings.crossOrigin = settings
    }

    private static func readCORSMethods(
        _ settings: inout RouteSettings.CrossOrigin, _ directive: Directive,
        _ reading: inout Reading
    ) {
        for word in directive.arguments {
            guard let method = ValueKind<String>.method.read(word, &reading) else { continue }
            append(method, to: &settings.methods, word, &reading)
        }
    }

    private static func readCORSHeaders(
        _ settings: inout RouteSettings.CrossOrigin, _ directive: Directive,
        _ reading: inout Reading
    ) {
        if directive.arguments.count == 1, directive.arguments[0].text == "any" { return }
        settings.headers = readFieldNames(directive, butFor: "any", &reading)
    }

    private static func readExposed(
        _ settings: inout RouteSettings.CrossOrigin, _ directive: Directive,
        _ reading: inout Reading
    ) {
        settings.exposed = []
        if directive.arguments.count == 1, directive.arguments[0].text == "off" { return }
        settings.exposed = readFieldNames(directive, butFor: "off", &reading)
    }

    private static func readFieldNames(
        _ directive: Directive, butFor keyword: String, _ reading: inout Reading
    ) -> [String] {
        var names: [String] = []
        for word in directive.arguments {
            if word.text == keyword {
                reading.error("\(word.shown) cannot be combined with other words", at: word)
            } else if keyword == "any", word.text == "*" {
                reading.error("\(word.shown) is unknown (did you mean 'any'?)", at: word)
            } else if ["*", "any", "off"].contains(word.text) {
                // To browsers that send cookies `*` is a name like any other.
                reading.error("\(word.shown) is not allowed here: name the headers", at: word)
            } else if let name = ValueKind<String>.fieldName.read(word, &reading) {
                append(name, to: &names, word, &reading)
            }
        }
        return names
    }
}

extension Template {
    /// True when the location begins with a path, or with a scheme and a host that are written out.
    fileprivate var hasFixedHost: Bool {
        guard case .text(let start)? = parts.first else { return false }
        if start.hasPrefix("/") {
            return !start.hasPrefix("//") && !start.hasPrefix("/\\")
        }
        for scheme in ["https://", "http://"] where start.lowercased().hasPrefix(scheme) {
            let rest = start.dropFirst(scheme.count)
            let host = rest.prefix { !"/?#".contains($0) }
            return !host.isEmpty && !host.contains { "@\\".contains($0) }
                && (host.count < rest.count || parts.count == 1)
        }
        return false
    }
}

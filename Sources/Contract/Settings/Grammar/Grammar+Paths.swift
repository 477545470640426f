internal import Bytes

/// How the app behind a route reads paths, and what it is sent of them.
extension Grammar {
    /// `path normal|keep`.
    static func readPathSpelling(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        read(.choice, \.spelling, \.pathSpelling, &draft, directive, &reading)
    }

    /// `encoded_slashes refuse|keep`.
    static func readEncodedSlashes(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        read(.choice, \.encodedSlashes, \.encodedSlashes, &draft, directive, &reading)
    }

    /// `ignore_case on|off`.
    static func readIgnoreCase(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        read(.onOff, \.ignoresCase, \.ignoreCase, &draft, directive, &reading)
    }

    /// `parameters keep|ignore|refuse`.
    static func readParameters(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        read(.choice, \.parameters, \.parameters, &draft, directive, &reading)
    }

    /// A setting of one word; `said` keeps where it was set.
    private static func read<Value>(
        _ kind: ValueKind<Value>, _ setting: WritableKeyPath<PathSettings, Value>,
        _ said: WritableKeyPath<RouteDraft, Word?>, _ draft: inout RouteDraft,
        _ directive: Directive, _ reading: inout Reading
    ) {
        draft.own.insert(directive.name.text)
        draft[keyPath: said] = directive.name
        if let value = kind.read(directive.arguments[0], &reading) {
            draft.settings.paths[keyPath: setting] = value
        }
    }

    /// `strip /prefix`.
    static func readStrip(
        _ draft: inout RouteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        let word = directive.arguments[0]
        draft.strip = word
        guard let pattern = PathPattern.read(word, for: .route, &reading) else { return }
        if pattern.segments.isEmpty, pattern.rest == nil {
            reading.error("'strip /' would remove nothing", at: word)
        } else if !pattern.captures.isEmpty {
            reading.error("the path to remove must not contain captures", at: word)
        } else {
            var text = PathPattern(segments: pattern.segments, hasTrailingSlash: false).text
            text = text.escapedForFields
            draft.settings.paths.prefix = .init(text: text, segmentCount: pattern.segments.count)
            draft.stripped = pattern
        }
    }
}

extension String {
    /// A path as a header may hold it: what is not ASCII is escaped.
    fileprivate var escapedForFields: String {
        utf8.reduce(into: "") { text, octet in
            if ASCII.isVisible(octet) {
                text.unicodeScalars.append(Unicode.Scalar(octet))
            } else {
                let digits = String(octet, radix: 16, uppercase: true)
                text += "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
    }
}

// MARK: Rules across settings

extension Document {
    /// The directives about paths must fit the route's own path, and need an app to send it to.
    func checkPaths(_ draft: RouteDraft, _ route: RouteSettings, _ reading: inout Reading) {
        if let word = draft.strip, let stripped = draft.stripped, !draft.word.isBroken {
            let own = route.path.segments
            if !own.starts(with: stripped.segments) {
                reading.error(
                    "'strip' removes the beginning of this route's own path, but"
                        + " '\(route.path.text.printable())' does not begin with \(word.shown)",
                    at: word)
            }
            if case .backend = route.destination {
            } else if draft.destination != nil {
                reading.error(
                    "'strip' has no effect without 'backend': the path is sent to no app", at: word)
            }
        }
        if route.paths.parameters != .keep, let word = draft.parameters ?? draft.strip,
            route.path.segments.contains(where: \.holdsParameters)
        {
            reading.error(
                "this route ignores parameters in paths ('parameters'), but its own path has some",
                at: word)
        }
    }

    /// Where two readings of a path lead to two routes, requests are refused: said where that can
    /// be seen before.
    func warnAboutReadings(_ routes: [RouteDraft], _ reading: inout Reading) {
        for route in routes {
            warnAboutSlashes(route, &reading)
            warnAboutLaxerRoutes(route, routes, &reading)
        }
    }

    private func warnAboutSlashes(_ route: RouteDraft, _ reading: inout Reading) {
        guard let word = route.encodedSlashes, route.own.contains("encoded_slashes"),
            route.settings.paths.encodedSlashes == .keep
        else { return }
        let segments = route.settings.path.segments
        let judged = route.settings.judgedCaptures
        for (index, segment) in segments.enumerated() {
            guard case .capture(let name) = segment else { continue }
            if judged.contains(name) {
                reading.warn(
                    "requests whose '{\(name)}' contains an escaped slash are refused: it decides"
                        + " who is let in, but apps read it differently", at: word.location)
            } else if segments[(index + 1)...].contains(where: \.isLiteral) {
                reading.warn(
                    "requests whose '{\(name)}' contains an escaped slash are refused: read as a"
                        + " slash, it leads to another route (let a route for what is before"
                        + " '{\(name)}' keep them)", at: word.location)
            }
        }
    }

    /// Routes below one whose app ignores case or parameters, which do not.
    private func warnAboutLaxerRoutes(
        _ route: RouteDraft, _ routes: [RouteDraft], _ reading: inout Reading
    ) {
        let (paths, path) = (route.settings.paths, route.settings.path)
        let words = [
            ("ignore_case", route.ignoreCase, paths.ignoresCase),
            ("parameters", route.parameters, paths.parameters != .keep),
        ]
        for case (let name, let word?, true) in words where route.own.contains(name) {
            let other = routes.first { other in
                let doesToo =
                    name == "parameters"
                    ? other.settings.paths.parameters != .keep : other.settings.paths.ignoresCase
                return !doesToo && other.word != route.word
                    && other.settings.host.overlaps(route.settings.host)
                    && other.settings.path.shape.starts(with: path.shape) {
                        $0.lowercased() == $1.lowercased()
                    }
                    && other.settings.path.segments.contains(where: \.isLiteral)
            }
            guard let other else { continue }
            let place = reading.mention(other.word.location, seenFrom: word.location)
            reading.warn(
                "the route at \(place) is below this one and does not have '\(name)': requests for"
                    + " it in another spelling are refused", at: word.location)
        }
    }
}

extension HostPattern {
    /// True when some host fits both.
    fileprivate func overlaps(_ other: HostPattern) -> Bool {
        switch (self, other) {
        case (.any, _), (_, .any): true
        case (.exact(let left), .exact(let right)): left == right
        case (.suffix(let left), .suffix(let right)):
            left == right || left.hasSuffix("." + right) || right.hasSuffix("." + left)
        case (.exact(let name), .suffix(let suffix)), (.suffix(let suffix), .exact(let name)):
            name.hasSuffix("." + suffix)
        }
    }
}

extension PathPattern.Segment {
    fileprivate var isLiteral: Bool { if case .literal = self { true } else { false } }

    fileprivate var holdsParameters: Bool {
        if case .literal(let text) = self { text.contains(";") } else { false }
    }
}

/// `rewrite FROM to TO { … }`: a legacy URL and the one that is really served.
package struct RewriteSettings: Sendable, Equatable {
    /// Which paths it is about.
    package enum Source: Sendable, Hashable {
        /// `/ws/journey/{user_id}`.
        case path(PathPattern)
        /// `path matches REGEX`.
        case expression(PathExpression)
    }

    package var from: Source
    /// The new path; may hold `{capture}`.
    package var to: Template
    package var require: [Requirement] = []
    /// Fields of the request that goes to the upstream.
    package var headers: [HeaderRule] = []
    /// Fields of the answer.
    package var responseHeaders: [HeaderRule] = []
    /// Answer plain HTTP requests with 308 instead of rewriting.
    package var redirects = false
    package var position = SourcePosition()

    package init(from: Source, to: Template) {
        self.from = from
        self.to = to
    }

    package init(from pattern: PathPattern, to: Template) {
        self.init(from: .path(pattern), to: to)
    }

    /// The names of captures that decide who is let in.
    package var judgedCaptures: Set<String> {
        Set(require.flatMap(\.sources).compactMap(\.capture))
    }
}

//! Characters that a server may make a part of the grammar of paths: [`folds_to_grammar`].

/// Whether compatibility folding (NFKC, NFKD) or the best-fit mapping of a Windows code page makes one of `. / \ % ; ? #`
/// of a character, or one that such a mapping makes it of.
///
/// Unicode 17. A test derives the list anew from the normaliser, so that a later version of Unicode is noticed.
pub(crate) fn folds_to_grammar(character: char) -> bool {
    let after = FOLDS.partition_point(|(first, _)| *first <= character);
    after > 0 && FOLDS[after - 1].1 >= character
}

/// From which one to which, both included.
const FOLDS: [(char, char); 43] = [
    ('\u{a5}', '\u{a5}'),
    ('\u{bc}', '\u{be}'),
    ('\u{37e}', '\u{37e}'),
    ('\u{66a}', '\u{66a}'),
    ('\u{2024}', '\u{2026}'),
    ('\u{2044}', '\u{2044}'),
    ('\u{2047}', '\u{2049}'),
    ('\u{20a9}', '\u{20a9}'),
    ('\u{2100}', '\u{2101}'),
    ('\u{2105}', '\u{2106}'),
    ('\u{2150}', '\u{215f}'),
    ('\u{2189}', '\u{2189}'),
    ('\u{2215}', '\u{2216}'),
    ('\u{2488}', '\u{249b}'),
    ('\u{29f5}', '\u{29f5}'),
    ('\u{29f8}', '\u{29f8}'),
    ('\u{3002}', '\u{3002}'),
    ('\u{33a7}', '\u{33a8}'),
    ('\u{33ae}', '\u{33af}'),
    ('\u{33c2}', '\u{33c2}'),
    ('\u{33c6}', '\u{33c7}'),
    ('\u{33d8}', '\u{33d8}'),
    ('\u{33de}', '\u{33df}'),
    ('\u{fe12}', '\u{fe12}'),
    ('\u{fe14}', '\u{fe14}'),
    ('\u{fe16}', '\u{fe16}'),
    ('\u{fe19}', '\u{fe19}'),
    ('\u{fe30}', '\u{fe30}'),
    ('\u{fe52}', '\u{fe52}'),
    ('\u{fe54}', '\u{fe54}'),
    ('\u{fe56}', '\u{fe56}'),
    ('\u{fe5f}', '\u{fe5f}'),
    ('\u{fe68}', '\u{fe68}'),
    ('\u{fe6a}', '\u{fe6a}'),
    ('\u{ff03}', '\u{ff03}'),
    ('\u{ff05}', '\u{ff05}'),
    ('\u{ff0e}', '\u{ff0f}'),
    ('\u{ff1b}', '\u{ff1b}'),
    ('\u{ff1f}', '\u{ff1f}'),
    ('\u{ff3c}', '\u{ff3c}'),
    ('\u{ff61}', '\u{ff61}'),
    ('\u{ffe5}', '\u{ffe6}'),
    ('\u{1f100}', '\u{1f100}'),
];

#[cfg(test)]
mod tests {
    use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

    use super::*;

    /// Of the best-fit tables of Windows (Unicode's WindowsBestFit: code pages 874, 932, 936, 949, 950 and 1250 to 1258), what
    /// becomes one of the seven and is not folded to it by Unicode: the fraction slash, the division slash, the set minus,
    /// the Arabic percent sign, and the yen and won signs, which stand in the backslash's place in Japan and Korea.
    const BEST_FIT: [char; 6] = [
        '\u{2044}', '\u{2215}', '\u{2216}', '\u{66a}', '\u{a5}', '\u{20a9}',
    ];

    /// No mapping of these, but what resolvers and people take for a full stop, a backslash and a slash.
    const LOOKALIKES: [char; 4] = ['\u{3002}', '\u{ff61}', '\u{29f5}', '\u{29f8}'];

    #[test]
    fn the_list_is_what_the_normaliser_and_the_tables_of_windows_say() {
        let composed = ComposingNormalizerBorrowed::new_nfkc();
        let decomposed = DecomposingNormalizerBorrowed::new_nfkd();
        let is_grammar = |character: char| {
            ['.', '/', '\\', '%', ';', '?', '#'].contains(&character)
                || BEST_FIT.contains(&character)
                || LOOKALIKES.contains(&character)
        };
        let mut wrong = Vec::new();
        let mut counted = 0;
        for character in '\u{80}'..=char::MAX {
            let text = character.to_string();
            let folds = composed.normalize(&text).contains(is_grammar)
                || decomposed.normalize(&text).contains(is_grammar)
                || is_grammar(character);
            counted += usize::from(folds);
            if folds != folds_to_grammar(character) {
                wrong.push(format!("{:x} {folds}", u32::from(character)));
            }
        }
        assert!(wrong.is_empty(), "{wrong:?}");
        assert!(counted > 80, "{counted}");
    }
}

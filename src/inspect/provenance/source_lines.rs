//! Steps of the history matched with the lines of a Dockerfile.

use crate::companions::{Dockerfile, trace};
use crate::model::{ImageFacts, SourceGrade, SourceLine};

use super::super::instruction;

/// Gives history entries and layers that have no place yet the lines of this Dockerfile whose texts match. Tells how
/// many steps were matched; none when the Dockerfile is another image's.
pub fn match_steps(image: &mut ImageFacts, dockerfile: &Dockerfile) -> usize {
    let steps: Vec<String> = image.config.history.iter().map(|step| instruction(&step.created_by)).collect();
    let traced = trace(dockerfile, &steps);
    for one in &traced {
        let (Ok(line), Ok(end_line)) = (u32::try_from(one.line), u32::try_from(one.end_line)) else { continue };
        let Some(step) = image.config.history.get_mut(one.step) else { continue };
        let source = SourceLine { file: dockerfile.file.clone(), line, end_line, by: SourceGrade::Matched };
        let layer = step.layer.and_then(|layer| image.layers.get_mut(usize::try_from(layer).ok()?));
        if let Some(layer) = layer
            && layer.source.is_none()
        {
            layer.source = Some(source.clone());
        }
        step.source.get_or_insert(source);
    }
    traced.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::image::image;

    #[test]
    fn layers_and_settings_get_the_lines_of_their_instructions() {
        let mut facts = image(
            "layer ADD rootfs /\nstep CMD [\"sh\"]\nlayer RUN /bin/sh -c make all # buildkit\n0644 0:0 x\nstep USER app\nuser app",
        );
        let file = Dockerfile::parse("build/Dockerfile", "FROM a\n# make\nRUN make \\\n  all\nUSER app\n");
        assert_eq!(match_steps(&mut facts, &file), 2);
        assert_eq!(facts.layers[0].source, None, "the base's");
        let told = facts.layers[1].source.as_ref().map(ToString::to_string);
        assert_eq!(told.as_deref(), Some("build/Dockerfile:3 (matched)"));
        let user = facts.config.history.last().and_then(|step| step.source.as_ref());
        assert_eq!(user.map(|source| source.line), Some(5));
        assert_eq!(match_steps(&mut facts, &Dockerfile::parse("x", "FROM b\nRUN other\n")), 0);
    }
}
